// The air, for the environment desk: every station with its index, and one of them in full.

import { el, name, svg } from "./dom.js";
import { age, clockTime, isSameDay, measured, named, number, percent, quantityName, shortTime, t, unitOf, when } from "./i18n.js";
import { ageOf, model } from "./model.js";
import { choosePalette, palette } from "./memory.js";
import { fetchSeries } from "./chart.js";
import { adviceOf, airOf, aqiBadge, BAND_ENDS, POLLUTANTS, shortName } from "./air_words.js";
import { meter, nothing, pageHead, segments } from "./tables.js";
import { title } from "./words.js";

const HOUR_MS = 3_600_000;
const SPAN_HOURS = 48;
const KEEP_MS = 120_000; // by the viewer's own clock
const MOST_LINES = 60;

const lines = new Map(); // series → {atMs, found}
let shown = "";

function stations() {
  const all = model.city.sites.flatMap((site) => (model.sites[site.id]?.devices ?? []).filter((one) => one.kind === "air").map((device) => ({ site, device, air: airOf(device) })));
  return all.sort((a, b) => Number(b.air.band > 0) - Number(a.air.band > 0) || Number(b.air.isIndex) - Number(a.air.isIndex) || b.air.band - a.air.band || (b.device.values.vn_aqi?.[0] ?? b.device.values.pm25?.[0] ?? 0) - (a.device.values.vn_aqi?.[0] ?? a.device.values.pm25?.[0] ?? 0));
}

export function show(node, argument) {
  const all = stations();
  const chosen = all.find(({ device }) => device.id === argument) ?? all[0];
  shown = signature(argument);
  const indexed = all.filter(({ air }) => air.isIndex);
  const hour = Math.max(0, ...indexed.map(({ air }) => air.atMs));
  const detail = t("air.detail", { hour: hour ? shortTime(hour + HOUR_MS) : "–", known: number(all.filter(({ air }) => air.band).length), total: number(all.length) });
  const palettes = segments(t("palette.label"), ["official", "clear"].map((one) => [one, t(`palette.${one}`)]), palette(), (one) => {
    choosePalette(one);
    show(node, argument);
  });
  const scroll = node.scrollTop;
  const focused = document.activeElement?.dataset?.station;
  const body = all.length ? el("div", { class: argument ? "split chosen" : "split" }, el("div", {}, el("div", { class: "tiles" }, ...all.map((one) => tile(one, chosen))), scale()), side(chosen)) : nothing(t("air.none"), t("air.none.detail"));
  node.replaceChildren(pageHead(t("air.title"), detail, palettes), body);
  node.scrollTop = scroll;
  if (focused) node.querySelector(`[data-station="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

export function tick(node, argument) {
  if (signature(argument) !== shown) show(node, argument);
}

const signature = (argument) => JSON.stringify([argument, model.link, model.lostSinceMs !== null, Math.floor((model.clockMs ?? 0) / 15_000), stations().map(({ device, air }) => [device.id, device.state, air.text, air.band])]);

function tile({ site, device, air }, chosen) {
  const isChosen = device === chosen?.device;
  const words = air.band ? [t(`band.${air.band}`), air.driver].filter(Boolean).join(" · ") : t("band.0");
  const basis = air.isIndex ? trend(device) : air.band ? t("air.by.pm25") : t("air.last", { age: device.at_ms === null ? t("site.never") : age(ageOf(device.at_ms)) });
  return el(
    "a", { class: "tile", href: `#/air/${encodeURIComponent(device.id)}`, "data-station": device.id, "aria-current": isChosen ? "true" : undefined },
    aqiBadge(air), el("span", { class: "tile-words" }, el("b", {}, name(named(site))), el("span", { class: "s dim" }, words), el("span", { class: "xs dim" }, basis)),
    line(device, air), foot(device, air),
  );
}

function foot(device, air) {
  const complete = air.complete === undefined ? t("air.complete.none") : t("air.complete", { known: number(Math.round(air.complete * 12)) });
  const at = device.at_ms === null ? t("site.never") : t("air.updated", { time: when(device.at_ms, model.clockMs) });
  return el("span", { class: "foot" }, el("span", {}, air.complete === undefined ? el("i", { class: "hatch" }) : meter(air.complete), complete), el("span", {}, at));
}

function trend(device) {
  const found = lines.get(`${device.id}/vn_aqi`)?.found;
  if (!found || found.value.length < 3) return t("air.by.index");
  const rise = found.value.at(-1) - found.value.at(-3);
  if (Math.abs(rise) < 10) return t("air.steady");
  return t(rise > 0 ? "air.rising" : "air.falling", { by: number(Math.abs(rise)) });
}

// The last 48 hours without axes: of the index, else of PM2.5. What is missing is a gap.
function line(device, air) {
  const path = svg("path", {});
  const picture = svg("svg", { class: "tile-line", viewBox: "0 0 240 40", preserveAspectRatio: "none", "aria-hidden": "true" }, path);
  const draw = (found) => path.setAttribute("d", pathOf(found));
  withSeries(seriesOf(device, air), draw);
  return picture;
}

const seriesOf = (device, air) => `${device.id}/${air.isIndex || device.values.vn_aqi ? "vn_aqi" : "pm25"}`;

async function withSeries(series, use) {
  const known = lines.get(series), before = known?.found;
  if (before) use(before);
  if (model.clockMs === null || (!known && lines.size >= MOST_LINES)) return;
  if (!known || performance.now() - known.atMs > KEEP_MS) lines.set(series, { atMs: performance.now(), found: before, asked: ask(series) });
  const asked = lines.get(series).asked;
  const found = await asked;
  if (found && found !== before) use(found);
}

async function ask(series) {
  try {
    const found = await fetchSeries(series, model.clockMs - SPAN_HOURS * HOUR_MS, model.clockMs + 1, 3600);
    lines.get(series).found = found;
    return found;
  } catch {
    lines.delete(series);
    return null;
  }
}

function pathOf(found) {
  const end = model.clockMs, from = end - SPAN_HOURS * HOUR_MS;
  const most = Math.max(60, ...found.value);
  let d = "", last = -Infinity;
  found.at_ms.forEach((at, i) => {
    d += `${at - last > 2.5 * HOUR_MS ? "M" : "L"}${(((at - from) / (end - from)) * 240).toFixed(1)} ${(37 - (found.value[i] / most) * 34).toFixed(1)}`;
    last = at;
  });
  return d;
}

function scale() {
  const one = (band) => el("li", {}, el("i", { class: `dot-air band-${band}` }), `${band === 1 ? 0 : BAND_ENDS[band - 2] + 1}–${BAND_ENDS[band - 1]} ${t(`band.${band}`)}`);
  return el("ul", { class: "scale xs dim", "aria-label": t("air.scale") }, ...[1, 2, 3, 4, 5, 6].map(one), el("li", {}, el("i", { class: "hatch" }), t("band.0")));
}

// --- one station

function side({ site, device, air }) {
  const [general, sensitive] = air.band ? adviceOf(air.band) : [t("advice.none"), ""];
  const head = air.band ? `${named(site)} · ${t(`band.${air.band}`)} ${air.text}` : `${named(site)} · ${t("band.0")}`;
  const facts = [air.isIndex ? t("air.driver", { driver: air.driver || "–" }) : "", air.isIndex ? t("air.hour", { hour: shortTime(air.atMs + HOUR_MS) }) : "", air.complete === undefined ? "" : t("air.hours", { share: percent(air.complete) })];
  const chart = el("div", { class: "hours", role: "img", "aria-label": t("air.hours48") });
  withSeries(seriesOf(device, air), (found) => chart.replaceChildren(hourBars(found, air.isIndex || "vn_aqi" in device.values), anewNote(found)));
  const open = [...model.cards.values()].filter((card) => card.alarm.device === device.id && card.group !== "returned");
  return el(
    "aside", { class: "side" },
    el("h3", { class: "big" }, el("bdi", {}, head)), el("p", { class: "dim s" }, facts.filter(Boolean).join(" · ") || t("air.by.pm25")),
    el("div", { class: "advice" }, el("p", {}, el("b", {}, t("advice.label"), " "), general), sensitive ? el("p", {}, el("b", {}, t("advice.sensitive"), " "), sensitive) : null),
    el("h4", {}, t("air.hours48")), chart,
    el("h4", {}, t("air.each")), ...each(device),
    el("h4", {}, t("air.alarms")), ...(open.length ? open.map((card) => el("p", { class: "s" }, el("a", { href: `#/now/${encodeURIComponent(card.alarm.id)}` }, title(card.alarm)))) : [el("p", { class: "s dim" }, t("air.alarms.none"))]),
    el("p", { class: "s" }, el("a", { href: `#/places/${encodeURIComponent(site.id)}` }, t("air.series"))),
  );
}

const LATE_OR_REVISED = 1 | 2; // flags of points: came late, made anew because something came late
const anewHours = (found) => new Set((found.marked_ms ?? []).filter((_, i) => found.flags[i] & LATE_OR_REVISED).map((at) => Math.floor(at / HOUR_MS) * HOUR_MS));

function anewNote(found) {
  const { size } = anewHours(found);
  return size ? el("p", { class: "s dim" }, el("i", { class: "anew" }), t("air.anew", { n: number(size) })) : "";
}

function hourBars(found, isIndex) {
  const end = Math.floor(model.clockMs / HOUR_MS) * HOUR_MS, from = end - (SPAN_HOURS - 1) * HOUR_MS;
  const most = Math.max(isIndex ? 100 : 60, ...found.value) * 1.08;
  const y = (value) => 112 - (value / most) * 104;
  const byHour = new Map(found.at_ms.map((at, i) => [Math.floor(at / HOUR_MS) * HOUR_MS, found.value[i]]));
  const anew = anewHours(found), parts = [];
  if (isIndex) BAND_ENDS.forEach((top, i) => i * 50 < most && parts.push(svg("rect", { x: 27, width: 5, y: y(Math.min(top, most)), height: y(i ? BAND_ENDS[i - 1] : 0) - y(Math.min(top, most)), class: `fill-${i + 1}` })));
  for (const tickAt of [0.5, 1].map((part) => Math.round((most * part) / 1.08 / 10) * 10)) parts.push(svg("path", { d: `M32 ${y(tickAt)}H330`, class: "grid" }), svg("text", { x: 23, y: y(tickAt) + 4, class: "end" }, number(tickAt)));
  for (let k = 0; k < SPAN_HOURS; k++) {
    const x = 36 + k * 6.1, value = byHour.get(from + k * HOUR_MS);
    const place = value === undefined ? { y: 92, height: 20, class: "missing" } : { y: y(value), height: 112 - y(value), class: k >= SPAN_HOURS - 6 ? "bar new" : "bar" };
    parts.push(svg("rect", { x, width: 4.6, rx: 1, ...place, class: anew.has(from + k * HOUR_MS) ? `${place.class} anew` : place.class }));
  }
  for (const k of [0, 24, 47]) parts.push(svg("text", { x: 38 + k * 6.1, y: 128, class: k === 47 ? "end" : "" }, label(from + k * HOUR_MS)));
  return svg("svg", { viewBox: "0 0 334 132" }, ...parts);
}

const label = (atMs) => (isSameDay(atMs, model.clockMs) ? shortTime(atMs) : when(atMs, model.clockMs).split(" ").reverse()[0].slice(0, 5));

function each(device) {
  const rows = POLLUTANTS.filter((one) => one in device.values || `vn_aqi_${one}` in device.values);
  if (!rows.length) return [el("p", { class: "s dim" }, t("band.0"))];
  const top = Math.max(100, ...rows.map((one) => device.values[`vn_aqi_${one}`]?.[0] ?? 0));
  return [...rows.map((one) => pollutant(device, one, top)), ...corrected(device)];
}

function pollutant(device, one, top) {
  const index = device.values[`vn_aqi_${one}`]?.[0], value = device.values[one];
  const fresh = value && ageOf(value[1]) <= model.city.rules.air_fresh_ms;
  return el("div", { class: "each" }, el("span", {}, shortName(one)), index === undefined ? el("i", { class: "hatch wide-hatch" }) : meter(index / top), el("b", {}, index === undefined ? "–" : number(index)), el("span", { class: "dim", title: value ? `${quantityName(one)} ${clockTime(value[1])}` : "" }, value && fresh ? measured(value[0], unitOf(one)) : "–"));
}

// Beside the value as measured: what a model makes of it, and which model.
function corrected(device) {
  const quantity = ["pm25_corrected", "pm25_corrected_day"].find((one) => one in device.values);
  if (!quantity) return [];
  const [value, atMs] = device.values[quantity], by = model.city.deviceById[device.id]?.correction ?? "";
  return [el("p", { class: "s dim" }, t("air.corrected", { quantity: quantityName(quantity), value: measured(value, unitOf(quantity)), time: when(atMs, model.clockMs), model: by }))];
}
