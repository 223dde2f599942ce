// A moment of the past: the alarms that stood open and what the roads and the air were like, as one steps through time.

import { $, el, name } from "./dom.js";
import { day, fromZone, inZone, named, number, parts, shortTime, t, unitOf, when } from "./i18n.js";
import { model } from "./model.js";
import { stateWords } from "./handover.js";
import { failed, load, loading, nothing, pageHead, table } from "./tables.js";
import { go, stay } from "./views.js";
import { line, title } from "./words.js";

const STEPS = [-86_400_000, -3_600_000, -600_000, -60_000, 60_000, 600_000, 3_600_000, 86_400_000];
const SHOWN = ["speed_kmh", "speed_px_s", "area_occupancy", "flow_pcu_h", "flow_veh_h", "vn_aqi", "pm25"];
let area = "", asked = 0;

export async function show(node, argument) {
  const atMs = Number(argument) || model.clockMs || 0;
  const mine = ++asked;
  const head = [pageHead(t("moment.title"), t("moment.detail", { day: day(atMs), time: shortTime(atMs) })), controls(node, atMs)];
  if (!node.querySelector(".moment")) node.replaceChildren(...head, loading());
  const found = await load(`api/moment?${new URLSearchParams({ at: atMs, area })}`);
  if (mine !== asked || $("#app").dataset.view !== "moment") return;
  const scroll = node.scrollTop;
  node.replaceChildren(...head, found ? el("div", { class: "moment" }, alarms(found, atMs), ...(found.is_whole ? places(found) : [nothing(t("moment.large"), t("moment.large.detail"))])) : failed());
  node.scrollTop = scroll;
}

function controls(node, atMs) {
  const to = (ms) => {
    const next = Math.max(0, Math.min(ms, model.clockMs ?? ms));
    stay("moment", String(next));
    show(node, String(next));
  };
  const input = el("input", { type: "datetime-local", value: inZone(atMs), step: "60" });
  input.addEventListener("change", () => input.value && to(fromZone(input.value)));
  const places = el("select", {}, el("option", { value: "" }, t("history.all")), ...model.city.areas.map((one) => el("option", { value: one.id, selected: one.id === area }, named(one))));
  places.addEventListener("change", () => {
    area = places.value;
    show(node, String(atMs));
  });
  const step = (ms) => el("button", { type: "button", class: "btn small", "data-step": ms, onclick: () => to(atMs + ms) }, t(`moment.step.${Math.abs(ms) / 60_000}.${ms < 0 ? "back" : "on"}`));
  return el("div", { class: "filters" }, el("label", {}, t("moment.when"), input), el("label", {}, t("history.area"), places), el("span", { class: "steps", role: "group", "aria-label": t("moment.steps") }, ...STEPS.map(step)), el("button", { type: "button", class: "btn small", onclick: () => go("now") }, t("moment.now")));
}

function alarms(found, atMs) {
  const head = el("div", { class: "panel-head" }, el("h3", {}, t("moment.alarms")), el("span", { class: "chip" }, number(found.alarms.length)));
  if (!found.alarms.length) return el("section", { class: "panel" }, head, nothing(t("moment.alarms.none")));
  const columns = [[t("history.opened"), "num first-narrow"], [t("history.alarm"), "first"], [t("history.priority"), ""], [t("history.state"), ""]];
  const rows = found.alarms.map(({ alarm }) => ({
    "data-alarm": alarm.id,
    cells: [when(alarm.opened_ms, atMs), el("span", {}, el("b", {}, title(alarm)), el("span", { class: "dim s" }, ` ${line(alarm)}`)), t(`priority.${alarm.priority}`), stateWords(alarm)],
  }));
  return el("section", { class: "panel" }, head, table(t("moment.alarms"), columns, rows));
}

function places(found) {
  const columns = [[t("traffic.place"), "first"], [t("traffic.state"), ""], [t("moment.figures"), "wide-cell"]];
  return model.city.areas.map((one) => [one, model.city.sites.filter((site) => site.area === one.id && found.sites[site.id])]).filter(([, sites]) => sites.length).map(([one, sites]) =>
    el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h3", {}, name(named(one)))), table(named(one), columns, sites.sort((a, b) => a.order - b.order).map((site) => row(site, found.sites[site.id])))));
}

function row(site, now) {
  const known = now.state !== "unknown";
  return {
    class: now.state === "jam" || now.state === "alarm" ? "calls" : "", "data-row": site.id,
    cells: [el("b", {}, name(named(site))), el("span", { class: `state ${now.state}` }, el("i", { class: known ? `sw ${now.state}` : "hatch" }), t(`state.${now.state}`)), figures(now)],
  };
}

// What was measured, each direction of a camera for itself.
function figures(now) {
  const told = now.devices.flatMap((device) => [...device.directions.map((way) => [directionName(device.id, way.id), Object.entries(way.values)]), ["", device.directions.length ? [] : Object.entries(device.values).map(([quantity, [value]]) => [quantity, value])]]);
  const lines = told.map(([head, values]) => [head, values.filter(([quantity]) => SHOWN.includes(quantity))]).filter(([, values]) => values.length);
  if (!lines.length) return el("span", { class: "unknown" }, el("i", { class: "hatch" }), "–");
  return el("span", { class: "lines" }, ...lines.map(([head, values]) => el("span", { class: "figure-line" }, head ? el("span", { class: "dim s" }, `${head} `) : null, values.map(([quantity, value]) => worded(quantity, value)).join(" · "))));
}

const worded = (quantity, value) => (quantity === "vn_aqi" ? `VN_AQI ${number(value)}` : parts(value, unitOf(quantity)).join("\u00a0"));
const directionName = (device, id) => named(model.city.deviceById[device]?.directions.find((one) => one.id === id) ?? { id });
