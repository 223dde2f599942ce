// One panel: a title, what it means, and a drawing by kind. Unknown is hatched, and a gap in the data is a gap in the line.

import { el, svg } from "./dom.js";
import { clockTime, day, isSameDay, lang, number, shortTime, span } from "./i18n.js";
import { drawLines } from "./boards_lines.js";

const UNIT_WORDS = { 1: "", "/": "%", "ug/m3": "µg/m³", "%RH": "%", Cel: "°C", "1/s": "/s" };
let later = [];

export const factorOf = (panel) => (panel.unit === "/" ? 100 : 1);
export const unitOf = (panel) => UNIT_WORDS[panel.unit] ?? panel.unit;
export const said = (text) => text[lang()];

export function figure(value, panel) {
  if (panel.unit === "s") return span(value * 1000);
  const shown = value * factorOf(panel);
  return number(shown, Math.abs(shown) < 10 && !Number.isInteger(shown) ? 1 : 0);
}

export function forgetPanels() {
  for (const { remove } of later) remove?.();
  later = [];
}

// Drawings that need their size are made once they stand on the page, and follow it.
export function fitPanels() {
  for (const one of later) one.fit();
}

export function drawPanel(panel, height, board, link) {
  const about = el("details", {}, el("summary", { "aria-label": `${said(board.words.about)}: ${said(panel.title)}` }, el("span", {}, "?")), el("p", {}, said(panel.about)));
  const unit = ["lines", "bars"].includes(panel.draw) ? unitOf(panel) : "";
  const heading = el("h2", {}, said(panel.title), unit ? el("span", { class: "unit" }, unit) : null, about);
  const body = el("div", { class: "body" });
  const draw = panel.series.length || panel.draw === "map" ? SHAPES[panel.draw] : nothing;
  draw(panel, body, board, link);
  return el("section", { class: `panel d-${panel.draw} w-${panel.width} h-${height}`, "data-panel": panel.name, "aria-label": said(panel.title) }, heading, body);
}

const nothing = (panel, body, board) => body.append(el("p", { class: "nothing" }, said(board.words.none)));

const stateOf = (panel, value) => (value === null || value < 0 ? null : panel.states[value]);
const toneOf = (panel, value) => stateOf(panel, value)?.tone ?? "unknown";
const stateName = (panel, value, board) => said(stateOf(panel, value)?.name ?? board.words.unknown);

function stepTone(panel, value) {
  return panel.thresholds.findLast((step) => value >= step.value)?.tone ?? "ok";
}

function stats(panel, body) {
  const only = panel.series.length === 1;
  const tiles = panel.series.map(({ label, value }) => {
    const newest = value.at(-1);
    const v = el("div", { class: `v tone-${stepTone(panel, newest)}` }, figure(newest, panel), panel.unit === "s" ? null : el("small", {}, unitOf(panel)));
    return el("div", { class: `stat ${only ? "only" : ""}` }, v, only ? null : el("div", { class: "l" }, said(label)));
  });
  body.append(el("div", { class: "stats" }, ...tiles));
}

function counts(panel, body, board) {
  const found = new Map(panel.series.map(({ name, value }) => [Number(name), value[0]]));
  const shown = [...panel.states.keys(), -1].filter((state) => found.has(state) || (state >= 0 && panel.states.length <= 3));
  const tiles = shown.map((state) =>
    el("div", { class: "stat" },
      el("div", { class: "v" }, el("i", { class: `mark ${toneOf(panel, state)}`, "aria-hidden": "true" }), number(found.get(state) ?? 0)),
      el("div", { class: "l" }, stateName(panel, state, board))));
  body.append(el("div", { class: "stats" }, ...tiles));
}

function timeline(panel, body, board) {
  const width = board.to - board.from;
  const rows = panel.series.flatMap(({ label, at_ms, value }) => {
    const bars = runs(at_ms, value, panel.width_ms).map(({ from, to, state }) => {
      const [x, until] = [Math.max(from, board.from), Math.min(to, board.to)];
      const place = { x: ((x - board.from) / width) * 1000, y: 0, width: Math.max(((until - x) / width) * 1000, 0.5), height: 18 };
      const words = `${stateName(panel, state, board)}, ${shortTime(x)}–${shortTime(until)}`;
      return svg("rect", { ...place, class: `s-${toneOf(panel, state)}`, fill: state < 0 ? "url(#hatched)" : null }, svg("title", {}, words));
    });
    const last = stateName(panel, value.at(-1), board);
    const picture = svg("svg", { viewBox: "0 0 1000 18", preserveAspectRatio: "none", role: "img", "aria-label": `${said(label)}: ${last}` }, hatching(), ...bars);
    return [el("span", { class: "l", title: said(label) }, said(label)), picture];
  });
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => el("span", {}, moment(board.from + part * width, board)));
  const times = el("div", { class: "timeline foot", "aria-hidden": "true" }, el("div", { class: "times" }, ...marks));
  body.append(el("div", { class: "timeline rows" }, ...rows), times, stateLegend(panel, board));
}

const moment = (at, board) => (board.to - board.from > 12 * 3_600_000 ? `${day(at).slice(0, 5)} ${shortTime(at)}` : shortTime(at));

function hatching() {
  const lines = svg("path", { d: "M-2 2l4-4M0 8l8-8M6 10l4-4", class: "hatching" });
  return svg("defs", {}, svg("pattern", { id: "hatched", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, svg("rect", { width: 8, height: 8, class: "s-ground" }), lines));
}

// Windows of one state that follow each other.
function runs(at, value, width) {
  const found = [];
  at.forEach((from, i) => {
    const before = found.at(-1);
    if (before && before.state === value[i]) before.to = from + width;
    else found.push({ from, to: from + width, state: value[i] });
  });
  return found;
}

function stateLegend(panel, board) {
  const states = [...panel.states.keys(), -1];
  return el("div", { class: "legend" }, ...states.map((state) => el("span", {}, el("i", { class: `mark ${toneOf(panel, state)}` }), stateName(panel, state, board))));
}

function table(panel, body, board, link) {
  const isAge = panel.unit === "s";
  const kinds = new Set(panel.series.map((one) => one.quantity));
  const isTotal = kinds.size > 1 && panel.states.length === 0 && !isAge;
  const rows = isTotal ? totals(panel) : panel.series.flatMap((one) => one.at_ms.map((at, i) => ({ ...one, at, v: one.value[i] })));
  rows.sort((a, b) => (isTotal ? 0 : isAge ? (a.at ?? -1) - (b.at ?? -1) : b.at - a.at));
  const word = (key) => said(board.words[key]);
  if (isTotal) return body.append(grid([word("device"), ...rows.names], rows.map((row) => [row.label, ...row.values.map((v) => number(v))])));
  const heads = [word("what"), word("when"), word(isAge ? "ago" : panel.states.length ? "level" : "value")];
  const cells = rows.slice(0, 200).map((row) => {
    const where = row.device ? el("a", { href: link(row.kind === "air" ? "station" : "camera", { device: row.device }) }, said(row.label)) : said(row.label);
    const state = panel.states.length ? [el("i", { class: `mark ${toneOf(panel, row.v)}`, "aria-hidden": "true" }), stateName(panel, row.v, board)] : [row.v === null ? "–" : figure(row.v, panel)];
    return [where, row.at === null ? word("never") : when(row.at, board), el("span", {}, ...state)];
  });
  body.append(grid(heads, cells));
}

const when = (at, board) => (isSameDay(at, board.to) ? clockTime(at) : `${shortTime(at)} ${day(at)}`);

function grid(heads, rows) {
  const head = el("tr", {}, ...heads.map((text, i) => el("th", { class: i ? "n" : null, scope: "col" }, text)));
  const lines = rows.map((cells) => el("tr", {}, ...cells.map((cell, i) => el("td", { class: i ? "n" : null }, cell))));
  return el("div", { class: "scroll", tabindex: 0 }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...lines)));
}

// One line a device, one column a quantity.
function totals(panel) {
  const names = new Map(), devices = new Map();
  for (const { device, quantity, label, value } of panel.series) {
    const [place, what] = said(label).split(/ · (?=[^·]*$)/);
    if (!names.has(quantity)) names.set(quantity, what);
    if (!devices.has(device)) devices.set(device, { label: place, of: new Map() });
    devices.get(device).of.set(quantity, value[0]);
  }
  const order = panel.quantities.filter((name) => names.has(name));
  const rows = [...devices.values()].map(({ label, of }) => ({ label, values: order.map((name) => of.get(name) ?? 0) }));
  rows.names = order.map((name) => names.get(name));
  return rows;
}

function map(panel, body, board, link) {
  const node = el("div", { class: "map", role: "group", "aria-label": said(board.words.map) });
  body.append(node, stateLegend(panel, board));
  let shown = null;
  const fit = () => {
    if (shown) return shown.invalidateSize();
    shown = L.map(node, { attributionControl: false, zoomSnap: 0.25, scrollWheelZoom: false });
    const marks = panel.series.map(({ label, latitude, longitude, value, device, kind }) => {
      const mark = L.circleMarker([latitude, longitude], { radius: 8, className: `site t-${toneOf(panel, value[0])}` });
      mark.bindTooltip(el("span", {}, `${said(label)}: ${stateName(panel, value[0], board)}`));
      mark.on("click", () => location.assign(link(kind === "air" ? "station" : "camera", { device })));
      return mark.addTo(shown);
    });
    if (marks.length) shown.fitBounds(L.featureGroup(marks).getBounds(), { padding: [24, 24], maxZoom: 15 });
    else shown.setView([10.98, 106.65], 11);
  };
  later.push({ fit, remove: () => shown?.remove() });
}

function lines(panel, body, board) {
  later.push(drawLines(panel, body, board));
}

const SHAPES = { lines, bars: lines, stat: stats, counts, states: timeline, table, map };
