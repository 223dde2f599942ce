// The right side: why an alarm stands here and what to do, or what a site's devices say. Built once per version; what is live is updated in place.

import { $, el, mark, name } from "./dom.js";
import { age, clockTime, lang, measured, named, parts, percent, quantityName, shortTime, span, t, unitOf, when } from "./i18n.js";
import { ageOf, groupOf, liveOf, model } from "./model.js";
import { person } from "./person.js";
import { Chart } from "./chart.js";
import { act, buttonsOf, KEY_OF, saidBy, stateOf } from "./act.js";
import { begin } from "./dialogs.js";
import { takeGroupButton } from "./groups.js";
import { markOf } from "./queue.js";
import { averaging, byName, capital, hasChart, isAir, isStill, line, normal, quantityOf, reasons, ruleName, threshold, title } from "./words.js";

const ALARM_SPAN_MS = 90 * 60_000;
const SITE_SPAN_MS = 3 * 3_600_000;
const RELOAD_MS = 5_000; // by the viewer's own clock
const CAMERA_SERIES = ["speed_kmh", "speed_px_s", "area_occupancy", "flow_pcu_h"];

let shown = ""; // what the panel was built for
let charts = [];
let loadedAtMs = -Infinity;
let back = () => {};

export function startWhy(onBack) {
  back = onBack;
}

// Rebuild when another thing is chosen or it changed; otherwise only the live figures.
export function drawWhy() {
  const wanted = signature();
  if (wanted !== shown) build(wanted);
  else drawLive();
  loadCharts();
}

export function redrawCharts() {
  for (const { chart } of charts) chart.redraw();
}

export function fitCharts() {
  for (const { chart } of charts) chart.fit();
}

function signature() {
  const { chosen } = model;
  if (chosen?.alarm && model.cards.has(chosen.alarm)) {
    const card = model.cards.get(chosen.alarm);
    const mates = groupOf(card.alarm.group).map((one) => `${one.alarm.id}${one.alarm.response}`);
    return `alarm ${card.alarm.id} ${card.alarm.version} ${card.timeline.length} ${lang()} ${stateOf(card.alarm.id)?.state} ${card.acts} ${mates}`;
  }
  return chosen?.site ? `site ${chosen.site} ${lang()}` : `none ${lang()}`;
}

function build(wanted) {
  const subject = (text) => text.split(" ").slice(0, 2).join(" ");
  const isSame = subject(wanted) === subject(shown) && wanted.startsWith("alarm");
  const top = isSame ? $("#why").scrollTop : 0;
  const hadFocus = $("#why").contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  const keepChart = isSame ? charts : [];
  for (const { chart } of isSame ? [] : charts) chart.destroyPlot();
  charts = keepChart;
  shown = wanted;
  const { chosen } = model;
  const content = chosen?.alarm && model.cards.has(chosen.alarm) ? alarmPanel(model.cards.get(chosen.alarm)) : chosen?.site ? sitePanel(chosen.site) : nothing();
  $("#why").replaceChildren(el("button", { type: "button", class: "back", onclick: back }, "‹ ", t("why.back")), ...content);
  $("#why").scrollTop = top;
  if (hadFocus) $("#why").querySelector(`[data-focus="${hadFocus}"]`)?.focus();
  loadedAtMs = -Infinity;
  drawLive();
}

const nothing = () => [el("div", { class: "empty tall" }, el("b", {}, t("why.none")), el("span", { class: "dim s" }, t("why.none.detail")))];

// --- an alarm

function alarmPanel(card) {
  const { alarm } = card;
  const place = el("p", { class: "dim s" }, el("span", { "data-live": "span" }), " · ", t("card.confidence", { value: percent(alarm.confidence) }));
  if (!hasChart(alarm)) charts = [];
  else if (!charts.length) charts = [{ chart: new Chart(card.series, card.series.split("/").at(-1)), load: (chart) => loadAlarmChart(chart, card) }];
  else charts[0].load = (chart) => loadAlarmChart(chart, card);
  return [
    statusChip(card),
    el("h2", {}, title(alarm)),
    place,
    el("div", { class: "facts", "data-live": "facts" }),
    hasChart(alarm) ? el("section", {}, el("h3", {}, chartTitle(alarm), el("span", { class: "right faint" }, limitText(alarm))), charts[0].chart.box) : null,
    el("section", {}, el("h3", {}, t("why.heading")), el("ul", { class: "because", "data-live": "because" })),
    together(card),
    el("section", {}, el("h3", {}, t("why.timeline")), ...timeline(card)),
    el("p", { class: "faint xs origin" }, t("why.rule", { rule: ruleName(alarm), version: alarm.rule_version }), alarm.device ? ` · ${t("why.device", { device: alarm.device })}` : ""),
    actions(card),
  ].filter(Boolean);
}

// Alarms of the same cause, and one button for those that nobody has taken.
function together({ alarm }) {
  const mates = groupOf(alarm.group).filter((card) => card.alarm.id !== alarm.id);
  if (!mates.length) return null;
  const rows = mates.slice(0, 6).map((card) => el("li", {}, el("a", { href: `#/now/${encodeURIComponent(card.alarm.id)}` }, mark(markOf(card)), el("span", {}, title(card.alarm)))));
  return el("section", {}, el("h3", {}, t("why.together", { n: String(mates.length) })), el("ul", { class: "mates" }, ...rows), takeGroupButton(groupOf(alarm.group)));
}

function statusChip(card) {
  const { alarm, group } = card;
  const hidden = alarm.display === "shelved" ? t("display.shelved") : alarm.display === "suppressed" ? t("display.suppressed") : "";
  const words = group === "returned" ? t("condition.returned") : hidden || t(`response.${alarm.response}`);
  return el("span", { class: `chip status ${group === "needs" ? alarm.priority : group === "maintenance" ? "maint" : ""}` }, mark(markOf(card)), `${t(`priority.${alarm.priority}`)} · ${words}`);
}

function chartTitle(alarm) {
  const over = alarm.condition === "returned";
  const spanText = over ? t("chart.around") : t("chart.last", { span: span(alarmSpan(alarm)) });
  return t("chart.of", { quantity: quantityName(isStill(alarm) ? "speed_px_s" : quantityOf(alarm)), span: spanText });
}

const hasLimit = (alarm) => isAir(alarm) || (alarm.kind === "congestion" && !isStill(alarm));
const limitText = (alarm) => (!hasLimit(alarm) ? "" : t(isAir(alarm) ? "chart.limit" : "chart.threshold", { threshold: threshold(alarm) }));

function alarmSpan(alarm) {
  return Math.max(ALARM_SPAN_MS, (alarm.evidence.window_s ?? 0) * 1250);
}

function loadAlarmChart(chart, { alarm }) {
  const end = alarm.cleared_ms === null ? model.clockMs : Math.min(model.clockMs, alarm.cleared_ms + 15 * 60_000);
  const from = Math.min(end - alarmSpan(alarm), alarm.onset_ms - 20 * 60_000);
  const marks = { onsetMs: alarm.onset_ms, endMs: alarm.cleared_ms ?? undefined };
  if (hasLimit(alarm)) marks.threshold = alarm.threshold;
  chart.load(from, end, marks);
}

// Whose `why` is what a person wrote.
const SAID = new Set(["rejected", "shelved", "noted"]);

function timeline(card) {
  const { alarm } = card;
  const row = (atMs, text, on) => el("div", { class: "line" }, el("span", { class: "dim" }, when(atMs, model.clockMs)), el("i", { class: on ? "on" : "" }), el("span", {}, text));
  const rows = [row(alarm.onset_ms, t("transition.onset"), true)];
  for (const line of card.timeline) {
    const words = t(`transition.${line.transition}`, { value: measured(line.value, alarm.unit), by: byName(line.by), to: alarm.assigned_to });
    const why = SAID.has(line.transition) && line.why ? `: ${line.why}` : "";
    rows.push(row(line.at_ms, capital(words) + why, line.transition === "opened" || line.transition === "worsened"));
  }
  return rows;
}

function actions(card) {
  const { alarm } = card;
  const box = el("div", { class: "actions" });
  const sent = stateOf(alarm.id);
  const buttons = buttonsOf(card);
  if (alarm.acknowledged_ms !== null && alarm.kind !== "incident") {
    const words = t("action.acknowledged", { by: byName(alarm.acknowledged_by), time: when(alarm.acknowledged_ms, model.clockMs) });
    const to = alarm.assigned_to ? el("span", { class: "chip" }, t("card.assigned", { to: alarm.assigned_to })) : null;
    box.append(el("p", { class: "taken" }, mark("done"), el("span", {}, capital(words)), to));
  }
  if (sent?.say || sent?.undo) box.append(answerLine(alarm, sent));
  if (buttons.length) box.append(el("div", { class: "buttons" }, ...buttons.map((what) => actButton(alarm, what, buttons, sent?.state === "sending"))));
  else if (!person.may_respond) box.append(el("p", { class: "dim s" }, t("action.viewer")));
  return box;
}

function actButton(alarm, what, buttons, busy) {
  const isPrimary = what === buttons[0] && ["acknowledge", "end_incident", "unshelve", "unreject"].includes(what);
  const label = busy && isPrimary ? t("action.sending") : t(`act.${what}`);
  const key = KEY_OF[what] ? el("kbd", { "aria-hidden": "true" }, KEY_OF[what]) : null;
  return el("button", { type: "button", class: `btn ${isPrimary ? "primary" : ""}`, "data-act": what, "data-focus": what, disabled: busy, onclick: () => begin(alarm.id, what) }, label, key);
}

function answerLine(alarm, sent) {
  const undo = sent.undo ? el("button", { type: "button", class: "undo", "data-focus": "undo", onclick: () => act(alarm.id, sent.undo) }, t("action.undo")) : null;
  return el("p", { class: sent.undo ? "s answer" : "said s answer", role: "status" }, sent.undo ? t(`done.${sent.undo}`) : saidBy(sent), undo);
}

// --- a site

function sitePanel(id) {
  const site = model.city.siteById[id];
  const area = model.city.areas.find((one) => one.id === site.area);
  const devices = model.city.devices.filter((device) => device.site === id);
  charts = devices.flatMap(chartsOf);
  const sections = charts.map(({ chart, label, key }) =>
    el("section", {}, el("h3", {}, label, el("span", { class: "right", "data-figure": key })), chart.box),
  );
  return [
    el("span", { class: "chip status", "data-live": "state" }),
    el("h2", {}, name(named(site))),
    el("p", { class: "dim s" }, name(area ? named(area) : site.area), " · ", el("span", { "data-live": "updated" })),
    el("ul", { class: "directions", "data-live": "directions" }),
    ...sections,
  ];
}

function chartsOf(device) {
  const one = (series, key, label) => {
    const chart = new Chart(series, series.split("/").at(-1));
    return { chart, label, key, load: (c) => c.load(model.clockMs - SITE_SPAN_MS, model.clockMs) };
  };
  if (device.kind === "camera") {
    return device.directions.flatMap((direction) =>
      cameraSeries(device, direction).map((q) => one(`${device.id}/${direction.id}/${q}`, `${device.id}/${direction.id}/${q}`, el("span", {}, `${quantityName(q)} · `, name(named(direction))))),
    );
  }
  const seen = model.sites[device.site]?.devices.find((one_) => one_.id === device.id);
  const shownOf = Object.keys(seen?.values ?? {}).filter((q) => !q.startsWith("vn_aqi_")).sort((a, b) => Number(b === "vn_aqi") - Number(a === "vn_aqi") || a.localeCompare(b));
  return shownOf.map((q) => one(`${device.id}/${q}`, `${device.id}/${q}`, el("span", {}, quantityName(q))));
}

function cameraSeries(device, direction) {
  const seen = model.sites[device.site]?.devices.find((one) => one.id === device.id)?.directions.find((d) => d.id === direction.id);
  const known = CAMERA_SERIES.filter((q) => q in (seen?.values ?? {}));
  return known.length ? known.filter((q) => q !== "flow_pcu_h" || known.length < 4) : ["speed_kmh"];
}

// --- what is live

function drawLive() {
  const { chosen } = model;
  if (chosen?.alarm && model.cards.has(chosen.alarm)) drawLiveAlarm(model.cards.get(chosen.alarm).alarm);
  else if (chosen?.site) drawLiveSite(model.sites[chosen.site]);
}

function drawLiveAlarm(alarm) {
  const end = alarm.cleared_ms ?? model.clockMs ?? alarm.opened_ms;
  const facts = { time: when(alarm.onset_ms, model.clockMs), span: span(Math.max(0, end - alarm.onset_ms)) };
  live("span").textContent = alarm.cleared_ms === null ? t("why.began", facts) : t("why.over", { ...facts, cleared: when(alarm.cleared_ms, model.clockMs) });
  live("facts").replaceChildren(...factsOf(alarm));
  live("because").replaceChildren(...reasons(alarm).map(([sign, text]) => el("li", {}, el("span", { class: "t" }, sign), el("span", { class: /\d/.test(sign) ? "" : "dim" }, text))));
}

const live = (what) => $("#why").querySelector(`[data-live="${what}"]`);

function fact([value, unit], label, isKnown = true) {
  const figure = isKnown ? el("div", { class: "v" }, value, " ", el("small", {}, unit)) : el("div", { class: "v unknown" }, el("i", { class: "hatch" }), "–");
  return el("div", { class: "fact" }, figure, el("div", { class: "l" }, label));
}

function factsOf(alarm) {
  if (!hasChart(alarm)) return [];
  const now = liveOf(alarm);
  const old = now ? age(ageOf(now.atMs)) : t("fact.unknown");
  const value = (quantity) => (now && quantity in now.values ? parts(now.values[quantity], unitOf(quantity)) : null);
  const liveFact = (quantity, key) => fact(value(quantity) ?? ["", ""], t(key, { age: old }), value(quantity) !== null);
  if (isAir(alarm)) {
    const complete = alarm.evidence.completeness;
    return [
      alarm.evidence.baseline === undefined
        ? fact(parts(alarm.worst_value, alarm.unit), t("fact.mean", { window: averaging(alarm), threshold: threshold(alarm) }))
        : fact(parts(alarm.worst_value, alarm.unit), t("fact.level", { baseline: measured(alarm.evidence.baseline, alarm.unit) })),
      liveFact(quantityOf(alarm), "fact.air.now"),
      complete === undefined ? null : fact(parts(complete, "/"), t("fact.completeness", { window: averaging(alarm) })),
    ].filter(Boolean);
  }
  const first = alarm.kind !== "congestion"
    ? fact(parts(alarm.worst_value, alarm.unit), line(alarm))
    : isStill(alarm)
    ? fact(parts(alarm.evidence.speed_px_s, "px/s"), t("fact.still"))
    : fact(parts(alarm.worst_value, alarm.unit), normal(alarm) ? t("fact.speed.alarm.normal", { threshold: threshold(alarm), normal: normal(alarm) }) : t("fact.speed.alarm", { threshold: threshold(alarm) }));
  return [first, liveFact(isStill(alarm) ? "speed_px_s" : "speed_kmh", "fact.speed.now"), liveFact("area_occupancy", "fact.occupancy.now")];
}

function drawLiveSite(now) {
  if (!now) return;
  const newest = Math.max(...now.devices.map((device) => device.at_ms ?? -1));
  live("state").className = `chip status ${now.state === "jam" ? "high" : now.state === "alarm" || now.state === "slow" ? "medium" : ""}`;
  live("state").replaceChildren(now.state === "unknown" ? el("i", { class: "hatch" }) : "", capital(t(`state.${now.state}`)));
  live("updated").textContent = newest < 0 ? t("site.never") : t("site.updated", { time: clockTime(newest), age: age(ageOf(newest)) });
  live("directions").replaceChildren(...now.devices.flatMap(directionRows));
  for (const device of now.devices) for (const [key, value, quantity, atMs] of figuresOf(device)) drawFigure(key, value, quantity, atMs, device);
}

function directionRows(device) {
  return device.directions.map((direction) => {
    const known = model.city.deviceById[device.id]?.directions.find((d) => d.id === direction.id);
    return el("li", {}, el("i", { class: direction.state === "unknown" ? "hatch" : `sw ${direction.state}` }), name(known ? named(known) : direction.id), el("span", { class: "right dim" }, t(`state.${direction.state}`)));
  });
}

function figuresOf(device) {
  if (device.kind !== "camera") return Object.entries(device.values).map(([q, [value, atMs]]) => [`${device.id}/${q}`, value, q, atMs]);
  return device.directions.flatMap((d) => Object.entries(d.values).map(([q, value]) => [`${device.id}/${d.id}/${q}`, value, q, d.at_ms]));
}

function drawFigure(key, value, quantity, atMs, device) {
  const node = $("#why").querySelector(`[data-figure="${CSS.escape(key)}"]`);
  if (!node) return;
  const limit = device.kind === "camera" ? model.city.rules.camera_fresh_ms : model.city.rules.air_fresh_ms;
  const fresh = model.link === "ok" && model.lostSinceMs === null && ageOf(atMs) <= limit;
  node.replaceChildren(fresh ? el("b", {}, measured(value, unitOf(quantity))) : el("i", { class: "hatch" }), el("span", { class: "faint" }, ` ${shortTime(atMs)} · ${age(ageOf(atMs))}`));
}

function loadCharts() {
  if (model.clockMs === null || performance.now() - loadedAtMs < RELOAD_MS) return;
  loadedAtMs = performance.now();
  for (const { chart, load } of charts) load(chart);
}
