// The wallboard: read from five metres, nobody touches it. What needs somebody, how the roads run, the worst of the air.

import { $, el, mark, name } from "./dom.js";
import { chooseLanguage, learnCity, loadLanguages, named, number, shortTime, span, t, translatePage } from "./i18n.js";
import { forgetSites, learnRegistry, model, ranked, takeCard, takeChanges, takeSnapshot } from "./model.js";
import { choosePalette, chooseTheme, palette, remembered } from "./memory.js";
import { follow } from "./follow.js";
import { signIn } from "./person.js";
import { airOf, aqiBadge } from "./air_words.js";
import { byName, line, title } from "./words.js";

const ROWS = 5, STATIONS = 5;

async function start() {
  await loadLanguages();
  chooseTheme("night");
  choosePalette(palette());
  chooseLanguage(remembered("lang") ?? (navigator.language.startsWith("vi") ? "vi" : "en"));
  if (!(await signIn())) return;
  const city = await fetch("api/city").then((answer) => answer.json());
  learnRegistry(city);
  learnCity(city);
  translatePage();
  document.title = `${t("wall.title")} · ${named(city)}`;
  $("#city").replaceChildren(t("wall.title"), " · ", name(named(city)));
  follow(
    {
      snapshot: (snapshot) => (takeSnapshot(snapshot), draw()),
      sites: (changes) => (takeChanges(changes), draw()),
      alarm: (card) => (takeCard(card), draw()),
      gone: ({ id }) => (model.cards.delete(id), draw()),
      lose: () => (forgetSites(), draw()),
    },
    drawBanner,
  );
}

function draw() {
  $("#clock").textContent = model.clockMs === null ? "–" : shortTime(model.clockMs);
  const cards = ranked();
  const needs = cards.filter(({ group }) => group === "needs");
  const shown = [...needs, ...cards.filter(({ group }) => group === "handled")].slice(0, ROWS);
  const more = needs.length - shown.filter(({ group }) => group === "needs").length;
  const quiet = el("div", { class: "quiet" }, model.link === "waiting" ? el("i", { class: "hatch" }) : mark("done"), t(model.link === "waiting" ? "queue.waiting" : "queue.empty"));
  $("#rows").replaceChildren(...(shown.length ? shown.map(row) : [quiet]), ...(more > 0 ? [el("p", { class: "more" }, t("wall.more", { n: number(more) }))] : []));
  $("#side").replaceChildren(...waiting(needs), ...roads(), ...air());
  drawStrip();
}

function row({ alarm, group }) {
  const kind = group === "needs" ? alarm.priority : "done";
  const state = group === "needs" ? t("response.new") : alarm.assigned_to ? t("card.assigned", { to: alarm.assigned_to }) : byName(alarm.acknowledged_by);
  const words = el("div", { class: "words" }, el("b", {}, title(alarm)), el("span", {}, line(alarm)));
  return el("div", { class: `row ${kind}` }, mark(kind), words, el("div", { class: "since" }, el("b", {}, span(Math.max(0, (model.clockMs ?? 0) - alarm.onset_ms))), el("span", {}, state)));
}

function waiting(needs) {
  const oldest = Math.min(...needs.map(({ alarm }) => alarm.onset_ms));
  const detail = needs.length ? t("wall.oldest", { span: span(Math.max(0, (model.clockMs ?? 0) - oldest)) }) : "";
  return [el("h2", {}, t("wall.needs")), el("p", { class: "big" }, el("b", { class: needs.length ? "calls" : "" }, number(needs.length)), el("span", {}, detail))];
}

function roads() {
  const directions = Object.values(model.sites).flatMap((site) => site.devices.flatMap((device) => device.directions));
  if (!directions.length) return [];
  const known = directions.filter((one) => one.state !== "unknown" && "speed_kmh" in one.values);
  const mean = known.length ? number(known.reduce((sum, one) => sum + one.values.speed_kmh, 0) / known.length) : "–";
  const jams = directions.filter((one) => one.state === "jam").length;
  return [el("h2", {}, t("wall.roads")), el("p", { class: "big" }, known.length ? el("b", {}, mean) : el("i", { class: "hatch" }), el("span", {}, `km/h · ${t("wall.jams", { n: number(jams) })}`))];
}

function air() {
  const all = model.city.sites.flatMap((site) => (model.sites[site.id]?.devices ?? []).filter((one) => one.kind === "air").map((device) => [site, airOf(device)]));
  if (!all.length) return [];
  all.sort(([, a], [, b]) => b.band - a.band || Number(b.text) - Number(a.text));
  const unknown = all.filter(([, one]) => one.band === 0);
  const shown = [...all.filter(([, one]) => one.band > 0).slice(0, STATIONS - Math.min(1, unknown.length)), ...unknown.slice(0, 1)];
  const rows = shown.map(([site, one]) => el("li", {}, aqiBadge(one), el("span", { class: "place" }, name(named(site))), el("span", { class: "dim" }, `${t(`band.${one.band}`)}${one.band && !one.isIndex ? ` · ${one.driver}` : ""}`)));
  return [el("h2", {}, t("air.title")), el("ul", {}, ...rows)];
}

function drawStrip() {
  const q = model.quality;
  if (!q) return;
  const share = (key, { known, total }) => (total ? el("span", {}, known < total ? el("i", { class: "hatch" }) : "", t(key, { known: number(known), total: number(total) })) : "");
  const latency = q.latency_ms === null ? t("strip.latency.none") : t("strip.latency", { value: `${number(q.latency_ms / 1000, 2)}\u00a0s` });
  $("#strip").replaceChildren(share("strip.cameras", q.cameras), share("strip.stations", q.stations), el("span", {}, latency), el("span", { class: "right" }, t("strip.hour", { n: number(q.alarms_this_hour), tolerable: q.tolerable_per_hour })));
}

function drawBanner() {
  const time = model.clockMs === null ? t("clock.none") : shortTime(model.clockMs);
  const text = model.lostSinceMs !== null ? t("banner.lost", { time, age: span(performance.now() - model.lostSinceMs) }) : model.link === "log" ? t("banner.log", { time }) : model.link === "silent" ? t("banner.silent", { time }) : "";
  $("#banner").hidden = text === "";
  $("#banner").textContent = text;
}

start();
