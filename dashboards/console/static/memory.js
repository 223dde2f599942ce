// What this browser remembers between visits. Private windows may refuse storage; then a choice lasts as long as the page.

export function remembered(key) {
  try {
    return localStorage.getItem(`saola.${key}`);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`saola.${key}`, value);
  } catch {
    return;
  }
}

export function chooseTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

export const palette = () => (remembered("palette") === "clear" ? "clear" : "official");

// The colours of the air: those of the decision, or those that everybody can tell apart.
export function choosePalette(name) {
  remember("palette", name);
  document.documentElement.dataset.aqi = name;
}
