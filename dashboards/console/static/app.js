// The page: loads the city, follows the live stream, and draws what changed. One question a screen: what needs me now?

import { $ } from "./dom.js";
import { chooseLanguage, clockTime, day, isSameDay, lang, learnCity, loadLanguages, named, span, t, translatePage } from "./i18n.js";
import { forgetSites, learnRegistry, model, takeCard, takeChanges, takeSnapshot } from "./model.js";
import { forgetOldAnswers, settle, startActs } from "./act.js";
import { askIncident, begin } from "./dialogs.js";
import { follow } from "./follow.js";
import { forgetSparks, freshenSparks } from "./chart.js";
import { choosePalette, chooseTheme, palette, remember, remembered } from "./memory.js";
import { drawPerson, person, startPerson } from "./person.js";
import { drawMap, hideRing, showSite, sizeChanged, startMap, translateMap } from "./map.js";
import { drawPlaces, startPlaces } from "./places.js";
import { drawAges, drawQueue, shownIds, startQueue } from "./queue.js";
import { hasSingleKeys, openSettings } from "./settings.js";
import { playSound } from "./sound.js";
import { drawStrip, startStrip } from "./strip.js";
import { go, isPage, showPage, startViews, stay, tickPage, view } from "./views.js";
import { drawWhy, fitCharts, redrawCharts, startWhy } from "./why.js";
import { title } from "./words.js";

const ANNOUNCE_EVERY_MS = 5_000;
const isNarrow = matchMedia("(max-width: 600px)");
let announcedMs = -Infinity;

async function start() {
  await loadLanguages();
  chooseLanguage(remembered("lang") ?? (navigator.language.startsWith("vi") ? "vi" : "en"));
  showTheme(remembered("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day"));
  choosePalette(palette());
  translatePage();
  if (!(await startPerson())) return;
  const city = await fetch("api/city").then((answer) => answer.json());
  learnRegistry(city);
  learnCity(city);
  startMap(choose);
  startQueue(choose, askIncident);
  startPlaces(choose);
  startWhy(() => choose(null));
  startStrip(() => $("#keys").showModal());
  startActs(drawWhy);
  $("#nav-users").hidden = person.role !== "admin" || !person.login;
  wire();
  translate();
  startViews(onView);
  follow(handlers, drawBanner);
}

// --- the stream

const handlers = {
  snapshot: (snapshot) => {
    takeSnapshot(snapshot);
    chooseByAddress();
    if (!model.chosen && !isNarrow.matches) chooseFirst();
    drawAll();
    showPage();
  },
  sites: (changes) => {
    const waiting = model.link === "waiting";
    takeChanges(changes);
    if (waiting && model.link !== "waiting") drawQueue();
    drawChanges();
  },
  alarm: (card) => takeAlarm(card),
  gone: ({ id }) => {
    model.cards.delete(id);
    drawQueue();
    drawWhy();
  },
  lose: () => {
    forgetSites();
    drawChanges();
  },
};

function takeAlarm(card) {
  const isNew = takeCard(card);
  settle(model.cards.get(card.alarm.id));
  if (isNew && card.group === "needs") {
    announce(title(card.alarm));
    playSound();
  }
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
  drawStrip();
  forgetOldAnswers();
  if (isPage()) return tickPage();
  drawAges();
  freshenSparks();
  drawMap();
  drawPlaces();
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
  if (view.name === "now") stay("now", what?.alarm ?? "");
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
  go("now");
  choose({ alarm: next });
  $(`[data-alarm="${CSS.escape(next)}"]`)?.scrollIntoView({ block: "nearest" });
}

// --- controls

function wire() {
  for (const button of document.querySelectorAll("[data-lang]")) button.addEventListener("click", () => setLanguage(button.dataset.lang));
  for (const button of document.querySelectorAll("[data-theme-to]")) button.addEventListener("click", () => setTheme(button.dataset.themeTo));
  $("#open-settings").addEventListener("click", openSettings);
  $("#keys-close").addEventListener("click", () => $("#keys").close());
  document.addEventListener("keydown", onKey);
  addEventListener("resize", resized);
  isNarrow.addEventListener("change", resized);
}

function resized() {
  sizeChanged();
  fitCharts();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: () => onChosen("acknowledge"),
  g: () => onChosen("assign"),
  s: () => onChosen("shelve"),
  r: () => onChosen("reject"),
  "?": () => $("#keys").showModal(),
};

const onChosen = (what) => view.name === "now" && model.chosen?.alarm && begin(model.chosen.alarm, what);

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "Escape" && isNarrow.matches) return choose(null);
  const act = KEYS[event.key.toLowerCase()];
  if (!act || !hasSingleKeys()) return;
  event.preventDefault();
  act();
}

// Another page or another thing on it.
function onView() {
  if (!isPage()) {
    if (isNarrow.matches && model.chosen && view.name !== "now") choose(null);
    chooseByAddress();
    drawAll();
  }
  resized();
}

// An address that names an alarm or a place chooses it.
function chooseByAddress() {
  const { name, argument } = view;
  if (name === "now" && argument && model.cards.has(argument) && model.chosen?.alarm !== argument) choose({ alarm: argument });
  if (name === "places" && argument && model.city.siteById[argument] && model.chosen?.site !== argument) choose({ site: argument });
}

function setLanguage(language) {
  remember("lang", language);
  chooseLanguage(language);
  translate();
  drawAll();
  showPage();
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
  showPage();
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
