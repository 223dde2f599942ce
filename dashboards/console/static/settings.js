// What each viewer sets for this browser: the sound, single keys, the colours of the air.

import { $, el } from "./dom.js";
import { send } from "./act.js";
import { t } from "./i18n.js";
import { choosePalette, palette, remember, remembered } from "./memory.js";
import { person } from "./person.js";
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
    ...(person.login ? [passwordForm()] : []),
  );
  dialog.showModal();
}

// One's own password. Every session of the name ends with it, this one too.
function passwordForm() {
  const field = (which, autocomplete, least) => el("label", { class: "field" }, t(`password.${which}`), el("input", { type: "password", name: which, required: true, minlength: least, maxlength: 1000, autocomplete }));
  const said = el("p", { class: "said s", role: "status" });
  const form = el("form", { class: "form" }, el("h3", {}, t("password.title")), field("old", "current-password", 1), field("new", "new-password", 12), said, el("button", { type: "submit", class: "btn" }, t("password.change")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const outcome = await send("api/session/password", Object.fromEntries(new FormData(form)), "PUT");
    if (outcome.state === "done") location.replace("login.html");
    else said.textContent = outcome.answer?.code === "slow_down" ? t("password.slow") : t("password.wrong");
  });
  return form;
}

function choices(label, name, options, chosen, onChange) {
  const one = ([value, text]) => {
    const input = el("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => onChange(value));
    return el("label", {}, input, el("span", {}, text));
  };
  return el("fieldset", { class: "choices" }, el("legend", {}, label), ...options.map(one));
}
