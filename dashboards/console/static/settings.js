// What each viewer sets for this browser: the sound, single keys, the colours of the air.

import { $, el } from "./dom.js";
import { t } from "./i18n.js";
import { choosePalette, palette, remember, remembered } from "./memory.js";
import { chooseSound, chosenSound, SOUNDS } from "./sound.js";

export const hasSingleKeys = () => remembered("keys") !== "off";

export function openSettings() {
  const dialog = $("#settings");
  dialog.replaceChildren(
    el("h2", { id: "settings-title" }, t("settings.title")),
    el("div", { class: "form" },
      choices(t("settings.sound"), "sound", SOUNDS.map((sound) => [sound, t(`sound.${sound}`)]), chosenSound(), chooseSound),
      choices(t("settings.keys"), "keys", [["on", t("settings.keys.on")], ["off", t("settings.keys.off")]], hasSingleKeys() ? "on" : "off", (value) => remember("keys", value)),
      choices(t("palette.label"), "palette", ["official", "clear"].map((name) => [name, t(`palette.${name}`)]), palette(), choosePalette),
      el("button", { type: "button", class: "btn", onclick: () => dialog.close() }, t("keys.close")),
    ),
  );
  dialog.showModal();
}

function choices(label, name, options, chosen, onChange) {
  const one = ([value, text]) => {
    const input = el("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => onChange(value));
    return el("label", {}, input, el("span", {}, text));
  };
  return el("fieldset", { class: "choices" }, el("legend", {}, label), ...options.map(one));
}
