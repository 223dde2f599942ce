// The page: loads the city, follows the live stream, and draws what changed. One question a screen: what needs me now?

import { $ } from "./dom.js";
import { chooseLanguage, clockTime, day, isSameDay, lang, learnCity, loadLanguages, named, span, t, translatePage } from "./i18n.js";
import { forgetSites, learnRegistry, model, takeCard, takeChanges, takeSnapshot } from "./model.js";
import { acknowledge, settle, startActs } from "./act.js";
import { forgetSparks, freshenSparks } from "./chart.js";
import { chooseTheme, remember, remembered } from "./memory.js";
import { drawPerson, signIn, startPerson } from "./person.js";
import { drawMap, hideRing, showSite, sizeChanged, startMap, translateMap } from "./map.js";
import { drawPlaces, startPlaces } from "./places.js";
import { drawAges, drawQueue, shownIds, startQueue } from "./queue.js";
import { drawStrip, startStrip } from "./strip.js";
import { drawWhy, fitCharts, redrawCharts, startWhy } from "./why.js";
import { title } from "./words.js";

const SILENT_MS = 35_000; // two beats of the server and a little
const ANNOUNCE_EVERY_MS = 5_000;
const isNarrow = matchMedia("(max-width: 600px)");
let heardMs = 0, announcedMs = -Infinity;

async function start() {
  await loadLanguages();
  chooseLanguage(remembered("lang") ?? (navigator.language.startsWith("vi") ? "vi" : "en"));
  showTheme(remembered("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day"));
  translatePage();
  if (!(await startPerson())) return;
  const city = await fetch("api/city").then((answer) => answer.json());
  learnRegistry(city);
  learnCity(city);
  startMap(choose);
  startQueue(choose);
  startPlaces(choose);
  startWhy(() => choose(null));
  startStrip(() => $("#keys").showModal());
  startActs(drawWhy);
  wire();
  translate();
  follow();
}

// --- the stream

function follow() {
  const stream = new EventSource("api/stream");
  heardMs = performance.now();
  const on = (event, take) => stream.addEventListener(event, (message) => heard(JSON.parse(message.data), take));
  on("snapshot", (snapshot) => {
    takeSnapshot(snapshot);
    if (!model.chosen && !isNarrow.matches) chooseFirst();
    drawAll();
  });
  on("sites", (changes) => {
    const waiting = model.link === "waiting";
    takeChanges(changes);
    if (waiting && model.link !== "waiting") drawQueue();
    drawChanges();
  });
  on("alarm", (card) => takeAlarm(card));
  on("gone", ({ id }) => {
    model.cards.delete(id);
    drawQueue();
    drawWhy();
  });
  on("beat", () => {});
  stream.onerror = () => {
    lose();
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, 3000); // the server refused; EventSource has given up
  };
  const watch = setInterval(() => {
    if (stream.readyState === EventSource.CLOSED) return clearInterval(watch);
    if (performance.now() - heardMs > SILENT_MS) lose();
    drawBanner();
  }, 1000);
}

// Refused: the session may be over; then this goes to the login, and otherwise tries once more.
async function again() {
  if (await signIn().catch(() => true)) follow();
}

function heard(data, take) {
  heardMs = performance.now();
  model.lostSinceMs = null;
  take(data);
  drawBanner();
}

function lose() {
  if (model.lostSinceMs === null) {
    model.lostSinceMs = heardMs;
    forgetSites();
    drawChanges();
  }
  drawBanner();
}

function takeAlarm(card) {
  const isNew = takeCard(card);
  settle(model.cards.get(card.alarm.id));
  if (isNew && card.group === "needs") announce(title(card.alarm));
  if (!model.chosen && !isNarrow.matches) chooseFirst();
  forgetSparks(model.cards);
  drawQueue();
  drawWhy();
}

function announce(text) {
  const now = performance.now();
  if (now - announcedMs < ANNOUNCE_EVERY_MS) return;
  announcedMs = now;
  $("#announce").textContent = t("announce.new", { title: text });
}

// --- drawing

function drawAll() {
  drawQueue();
  drawChanges();
}

function drawChanges() {
  drawClock();
  drawAges();
  freshenSparks();
  drawMap();
  drawPlaces();
  drawStrip();
  drawWhy();
}

function drawClock() {
  $("#clock").textContent = model.clockMs === null ? t("clock.none") : clockTime(model.clockMs);
  $("#clock-date").textContent = model.clockMs === null || isSameDay(model.clockMs, Date.now()) ? "" : day(model.clockMs);
}

function drawBanner() {
  const text = bannerText();
  const banner = $("#banner");
  $("#app").classList.toggle("stale", text !== "");
  if (banner.hidden === (text !== "") || banner.textContent !== text) {
    banner.hidden = text === "";
    banner.textContent = text;
  }
}

function bannerText() {
  const time = model.clockMs === null ? t("clock.none") : clockTime(model.clockMs);
  if (model.lostSinceMs !== null) return t("banner.lost", { time, age: span(performance.now() - model.lostSinceMs) });
  if (model.link === "log") return t("banner.log", { time });
  return model.link === "silent" ? t("banner.silent", { time }) : "";
}

// --- choosing

function choose(what) {
  model.chosen = what;
  const site = what?.site ?? model.cards.get(what?.alarm)?.alarm.site;
  $("#app").classList.toggle("sheet", what !== null);
  if (site) showSite(site);
  else hideRing();
  drawQueue();
  drawPlaces();
  drawWhy();
  if (isNarrow.matches && what) $("#why").focus();
}

function chooseFirst() {
  drawQueue();
  const [first] = shownIds();
  if (first && model.cards.get(first).group !== "returned") choose({ alarm: first });
}

function step(by) {
  const ids = shownIds();
  if (!ids.length) return;
  const at = ids.indexOf(model.chosen?.alarm);
  const next = ids[at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by))];
  showTab("now");
  choose({ alarm: next });
  $(`[data-alarm="${CSS.escape(next)}"]`)?.scrollIntoView({ block: "nearest" });
}

// --- controls

function wire() {
  for (const button of document.querySelectorAll("[data-lang]")) button.addEventListener("click", () => setLanguage(button.dataset.lang));
  for (const button of document.querySelectorAll("[data-theme-to]")) button.addEventListener("click", () => setTheme(button.dataset.themeTo));
  for (const button of document.querySelectorAll("[data-tab-to]")) button.addEventListener("click", () => showTab(button.dataset.tabTo));
  $("#keys-close").addEventListener("click", () => $("#keys").close());
  document.addEventListener("keydown", onKey);
  addEventListener("resize", resized);
  isNarrow.addEventListener("change", resized);
  showTab("now");
}

function resized() {
  sizeChanged();
  fitCharts();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: () => model.chosen?.alarm && acknowledge(model.chosen.alarm),
  "?": () => $("#keys").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "Escape" && isNarrow.matches) return choose(null);
  const act = KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
}

function showTab(tab) {
  $("#app").dataset.tab = tab;
  for (const button of document.querySelectorAll("[data-tab-to]")) {
    if (button.dataset.tabTo === tab) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  if (isNarrow.matches && model.chosen) choose(null);
  resized();
}

function setLanguage(language) {
  remember("lang", language);
  chooseLanguage(language);
  translate();
  drawAll();
  drawBanner();
}

function translate() {
  translatePage();
  translateMap();
  drawPerson();
  const { city } = model;
  $("#city-name").textContent = named(city);
  $("#city-title").textContent = city.title;
  $("#city-title").hidden = city.title === "";
  $("#legend-slow").textContent = t("legend.slow", { speed: city.rules.slow_below_kmh });
  document.title = `${t("app.title")} · ${named(city)}`;
  press("lang", lang());
}

function setTheme(theme) {
  remember("theme", theme);
  showTheme(theme);
  redrawCharts();
}

function showTheme(theme) {
  chooseTheme(theme);
  press("themeTo", theme);
}

function press(data, value) {
  const buttons = [...document.querySelectorAll("button")].filter((button) => data in button.dataset);
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset[data] === value));
}

start().catch((err) => {
  console.error(err);
  $("#banner").hidden = false;
  $("#banner").textContent = $("#banner").dataset.failed;
});
