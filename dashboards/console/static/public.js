// For citizens, without a login: the air with advice, the roads. Everything comes from one small feed.

import { $, el, name } from "./dom.js";
import { age, chooseLanguage, clockTime, lang, learnCity, loadLanguages, measured, named, number, t, translatePage } from "./i18n.js";
import { choosePalette, chooseTheme, palette, remember, remembered } from "./memory.js";
import { adviceOf, aqiBadge, shortName } from "./air_words.js";

const EVERY_MS = 30_000;
let state = null, isLost = false;

async function start() {
  await loadLanguages();
  chooseTheme(remembered("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day"));
  choosePalette(palette());
  chooseLanguage(remembered("lang") ?? (navigator.language.startsWith("vi") ? "vi" : "en"));
  for (const button of document.querySelectorAll("[data-lang]")) button.addEventListener("click", () => set("lang", button.dataset.lang, chooseLanguage));
  for (const button of document.querySelectorAll("[data-palette]")) button.addEventListener("click", () => set("palette", button.dataset.palette, choosePalette));
  draw();
  await ask();
  setInterval(ask, EVERY_MS);
}

function set(key, value, choose) {
  remember(key, value);
  choose(value);
  draw();
}

async function ask() {
  try {
    const answer = await fetch("api/public");
    if (!answer.ok) throw new Error(String(answer.status));
    state = await answer.json();
    isLost = false;
  } catch {
    isLost = true;
  }
  draw();
}

function draw() {
  translatePage();
  for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", String(button.dataset.lang === lang()));
  for (const button of document.querySelectorAll("[data-palette]")) button.setAttribute("aria-pressed", String(button.dataset.palette === palette()));
  $("#banner").hidden = !isLost && (state === null || state.link === "ok");
  $("#banner").textContent = isLost ? t("public.lost") : t("public.stale");
  document.title = state ? `${t("public.title")} · ${named(state)}` : t("public.title");
  if (state === null) return void ($("#city").textContent = t("public.title"));
  learnCity({ timezone: state.timezone, quantities: {} });
  $("#city").replaceChildren(name(named(state)), " · ", t("public.title"));
  $("#updated").textContent = state.at_ms === null ? t("clock.none") : t("public.updated", { time: clockTime(state.at_ms) });
  $("#air").replaceChildren(...(state.air.length ? state.air.map(station) : [el("p", { class: "dim" }, t("air.none"))]));
  $("#roads").replaceChildren(...(state.roads.length ? state.roads.map(road) : [el("p", { class: "dim" }, t("traffic.none"))]));
}

function station(place) {
  const band = isLost ? 0 : place.band;
  const text = !band ? "–" : number(place.index ?? place.pm25);
  const basis = !band ? t("band.0") : place.index === null ? t("public.pm25", { value: measured(place.pm25, "ug/m3") }) : t("public.index", { driver: shortName(place.driver) || "–" });
  const [general, sensitive] = band ? adviceOf(band) : [t("advice.none"), ""];
  return el(
    "article", { class: "station" }, aqiBadge({ band, text }),
    el("div", {}, el("h3", {}, name(named(place))), el("p", {}, el("b", {}, t(`band.${band}`)), el("span", { class: "dim" }, ` · ${basis} · ${seen(place)}`)), el("p", {}, general), sensitive ? el("p", {}, el("b", {}, t("advice.sensitive"), " "), sensitive) : null),
  );
}

const seen = (place) => (place.at_ms === null ? t("site.never") : age(Math.max(0, (state.at_ms ?? place.at_ms) - place.at_ms)));

function road({ places, ...area }) {
  const rows = places.map((place) => {
    const now = isLost ? "unknown" : place.state;
    return el("li", {}, el("i", { class: now === "unknown" ? "hatch" : `sw ${now}` }), el("span", { class: "place" }, name(named(place))), el("span", { class: now === "jam" ? "calls" : "dim" }, t(`state.${now}`)), el("span", { class: "dim s" }, seen(place)));
  });
  return el("article", {}, el("h3", {}, name(named(area))), el("ul", {}, ...rows));
}

start();
