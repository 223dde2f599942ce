// Signing in: name and password for a session cookie. The answer to a wrong name and to a wrong password is the same.

import { $ } from "./dom.js";
import { chooseLanguage, lang, loadLanguages, span, t, translatePage } from "./i18n.js";
import { chooseTheme, remember, remembered } from "./memory.js";

async function start() {
  await loadLanguages();
  chooseTheme(remembered("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day"));
  setLanguage(remembered("lang") ?? (navigator.language.startsWith("vi") ? "vi" : "en"));
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => {
      remember("lang", button.dataset.lang);
      setLanguage(button.dataset.lang);
    });
  }
  $("#login").addEventListener("submit", (event) => {
    event.preventDefault();
    enter().catch(() => say(t("login.failed")));
  });
  $("#name").focus();
}

function setLanguage(language) {
  chooseLanguage(language);
  translatePage();
  for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", String(button.dataset.lang === lang()));
}

async function enter() {
  const answer = await fetch("api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Saola": "console" },
    body: JSON.stringify({ name: $("#name").value, password: $("#password").value }),
  });
  if (answer.status === 204) return location.replace("./");
  if (answer.status === 401) return say(t("login.wrong"));
  if (answer.status === 429) return say(t("login.wait", { span: span(1000 * (await answer.json()).retry_after_s) }));
  return say(t("login.failed"));
}

function say(text) {
  $("#said").hidden = false;
  $("#said").textContent = text;
  $("#password").select();
}

start();
