// An alarm in words: title, one line, reasons. Everything comes from the alarm's own figures, so both languages say the same.

import { age, has, hours, lang, measured, named, number, percent, quantityName, span, t, unitOf } from "./i18n.js";
import { ageOf, liveOf, model } from "./model.js";

const KNOWN_EVIDENCE = new Set([
  "area_occupancy", "flow_pcu_h", "held_s", "free_speed_kmh", "speed_px_s", "mean", "completeness", "peak", "window_s", "vehicles", "level",
  "baseline", "stations", "wind_from_deg", "wind_m_s", "limit",
]);

export const isStill = (alarm) => alarm.kind === "congestion" && "speed_px_s" in alarm.evidence;
// The fault of a camera or a sensor: an entry `fault_<word>` of the evidence.
const FAULT = "fault_";
export const isCamera = (alarm) => alarm.rule === "camera_health";
export const isAir = (alarm) => alarm.kind === "pollution";
const isSick = (alarm) => isCamera(alarm) || alarm.rule === "sensor_health";
const ODD = "anomaly_"; // and the quantity behind it
const isOdd = (alarm) => alarm.rule.startsWith(ODD);
const oddFigures = (alarm) => {
  const quantity = alarm.rule.slice(ODD.length), of = (value) => measured(value ?? 0, unitOf(quantity));
  return { quantity: quantityName(quantity), value: of(alarm.evidence.value), usual: of(alarm.evidence.usual) };
};
// Something was measured that stands in a series; the others are events.
export const hasChart = (alarm) => alarm.kind === "congestion" || isAir(alarm) || (alarm.kind === "stopped_vehicle" || alarm.kind === "wrong_way");
const faultOf = (alarm) => Object.keys(alarm.evidence).filter((key) => key.startsWith(FAULT)).map((key) => t(`fault.${key.slice(FAULT.length)}`)).join(", ");
const rest = (alarm) => alarm.subject.slice(alarm.device.length + 1).split("#")[0];
export function quantityOf(alarm) {
  if (isAir(alarm)) return alarm.rule === "plume" ? "pm25" : rest(alarm);
  return "speed_kmh";
}

export function siteName(alarm) {
  const site = model.city.siteById[alarm.site];
  return site ? named(site) : alarm.site;
}

export function directionName(alarm) {
  const id = alarm.subject.slice(alarm.device.length + 1);
  const direction = model.city.deviceById[alarm.device]?.directions.find((d) => d.id === id);
  return direction ? named(direction) : id;
}

export function title(alarm) {
  const site = isolated(siteName(alarm));
  if (alarm.kind === "incident") return t("title.incident", { what: isolated(alarm.title || t("kind.incident")), site });
  if (alarm.kind === "maintenance" || alarm.rule === "plume") return t("title.at", { kind: kindName(alarm), site });
  if (isAir(alarm)) return t("title.at", { kind: kindName(alarm), site });
  if (alarm.subject === alarm.device) return t("title.at", { kind: kindName(alarm), site });
  return t("title.road", { kind: kindName(alarm), site, direction: isolated(directionName(alarm)) });
}

const OWN_WORDS = new Set(["camera_health", "sensor_health", "gateway_down", "chattering", "rapid_rise", "plume"]);

function kindName(alarm) {
  if (alarm.rule === "chattering") return t("kind.chattering", { rule: ruleNamed(alarm.subject.split("#")[1] ?? "") });
  if (isOdd(alarm)) return t("kind.anomaly", oddFigures(alarm));
  if (OWN_WORDS.has(alarm.rule)) return t(`kind.${alarm.rule}`, { quantity: quantityName(rest(alarm)) });
  return t(`kind.${alarm.kind}`, { quantity: quantityName(quantityOf(alarm)) });
}

// What alarms of one group have in common: kind and area.
export function causeName(alarm) {
  const area = model.city.areas.find((one) => one.id === alarm.area);
  return t("title.at", { kind: kindName(alarm), site: isolated(area ? named(area) : alarm.area) });
}

// First strong isolate: a right-to-left name inside a sentence does not turn the sentence round.
const isolated = (text) => `\u2068${text}\u2069`;

export const threshold = (alarm) => measured(alarm.threshold, alarm.unit);
export const averaging = (alarm) => hours(alarm.evidence.window_s ?? 3600);

export function normal(alarm) {
  const free = alarm.evidence.free_speed_kmh;
  return free ? measured(free, "km/h") : "";
}

// One line under the title: the figure beside what it is judged by.
export function line(alarm) {
  const value = measured(alarm.worst_value, alarm.unit);
  const e = alarm.evidence;
  if (isSick(alarm)) return t("card.sick", { fault: faultOf(alarm), span: span(alarm.worst_value * 1000) });
  if (isOdd(alarm)) return t("card.anomaly", oddFigures(alarm));
  if (alarm.kind === "incident") return t("card.incident", { by: byName(alarm.responded_by || alarm.acknowledged_by) });
  if (alarm.rule === "gateway_down") return t("card.gateway_down", { n: number(e.devices ?? 0), span: span((e.gone_s ?? 0) * 1000) });
  if (alarm.rule === "chattering") return t("card.chattering", { n: number(e.returns ?? 0), span: span((e.window_s ?? 0) * 1000) });
  if (alarm.kind === "stopped_vehicle") return t("card.stopped_vehicle", { n: number(e.vehicles ?? 1), span: span(alarm.worst_value * 1000) });
  if (alarm.kind === "wrong_way") return t("card.wrong_way", { n: number(e.vehicles ?? 1) });
  if (alarm.rule === "plume") return t("card.plume", { value, n: number(e.stations ?? 1) });
  if (e.baseline !== undefined) return t("card.rapid_rise", { value, baseline: measured(e.baseline, alarm.unit) });
  if (isAir(alarm)) return t("card.pollution", { window: averaging(alarm), value, threshold: threshold(alarm) });
  return congestionLine(alarm, value);
}

function congestionLine(alarm, value) {
  const figure = isStill(alarm)
    ? t("card.still", { value: measured(alarm.evidence.speed_px_s, "px/s") })
    : normal(alarm)
      ? t("card.normal", { value, normal: normal(alarm) })
      : t("card.congestion", { value, threshold: threshold(alarm) });
  const occupancy = alarm.evidence.area_occupancy;
  return occupancy === undefined ? figure : `${figure} · ${t("card.occupancy", { value: percent(occupancy) })}`;
}

// [sign, text] pairs. Signs: a number, ✓ for what speaks for it, ~ for what would have kept it quiet, ? for what is not known.
export function reasons(alarm) {
  if (isOdd(alarm)) return [["1", t("because.anomaly", oddFigures(alarm))]];
  if (isSick(alarm) || alarm.kind === "maintenance") return [["1", t(`because.${alarm.rule}`, { fault: faultOf(alarm), ...blanks(alarm) })]];
  if (alarm.kind === "incident") return [["1", t("because.incident", blanks(alarm))]];
  const lines = isAir(alarm) ? pollutionReasons(alarm) : alarm.kind === "congestion" ? congestionReasons(alarm) : [t(`because.${alarm.kind}`, blanks(alarm))];
  const others = Object.entries(alarm.evidence).filter(([key]) => !KNOWN_EVIDENCE.has(key));
  lines.push(...others.map(([key, value]) => t("evidence.other", { name: key, value: number(value, 2) })));
  const numbered = lines.map((text, i) => [String(i + 1), text]);
  if (alarm.condition === "active") numbered.push(sight(alarm));
  if (alarm.kind === "congestion" && !isStill(alarm)) numbered.push(["~", t("because.not.speed", { threshold: threshold(alarm) })]);
  if (isAir(alarm)) numbered.push(["~", t(alarm.evidence.baseline === undefined ? "because.not.mean" : "because.not.rise", { threshold: threshold(alarm) })]);
  return numbered;
}

function blanks(alarm) {
  const e = alarm.evidence;
  const spanOf = { gateway_down: e.gone_s, chattering: e.window_s }[alarm.rule] ?? alarm.worst_value;
  const n = number(e.devices ?? e.returns ?? e.vehicles ?? 1);
  return { n, span: span((spanOf ?? 0) * 1000), threshold: span(alarm.threshold * 1000), by: byName(alarm.responded_by || alarm.acknowledged_by) };
}

function sight(alarm) {
  const live = liveOf(alarm);
  return live ? ["✓", t("because.seen", { age: age(ageOf(live.atMs)) })] : ["?", t("because.unseen")];
}

function congestionReasons(alarm) {
  const e = alarm.evidence;
  const lines = [
    isStill(alarm)
      ? t("because.still", { value: measured(e.speed_px_s, "px/s") })
      : t("because.speed", { value: measured(alarm.worst_value, alarm.unit), threshold: threshold(alarm) }),
  ];
  if (e.area_occupancy !== undefined) {
    lines.push(t("because.full", { occupancy: percent(e.area_occupancy), flow: measured(e.flow_pcu_h ?? 0, "PCU/h") }));
  }
  if (!isStill(alarm) && e.free_speed_kmh) {
    lines.push(t("because.normal", { ratio: percent(alarm.worst_value / e.free_speed_kmh), normal: normal(alarm) }));
  }
  const heldMs = alarm.opened_ms - alarm.onset_ms;
  if (heldMs >= 1000) lines.push(t("because.held", { span: span(heldMs) }));
  return lines;
}

function pollutionReasons(alarm) {
  const e = alarm.evidence;
  if (e.baseline !== undefined) return riseReasons(alarm);
  const lines = [
    t("because.mean", { window: averaging(alarm), mean: measured(alarm.worst_value, alarm.unit), threshold: threshold(alarm) }),
  ];
  if (e.peak !== undefined) lines.push(t("because.peak", { peak: measured(e.peak, alarm.unit) }));
  if (e.completeness !== undefined) lines.push(t("because.complete", { completeness: percent(e.completeness) }));
  return lines;
}

function riseReasons(alarm) {
  const e = alarm.evidence;
  const lines = [t("because.rise", { value: measured(alarm.worst_value, alarm.unit), baseline: measured(e.baseline, alarm.unit) })];
  if (e.stations !== undefined) lines.push(t("because.stations", { n: number(e.stations) }));
  if (e.wind_from_deg !== undefined) lines.push(t("because.wind", { from: t(`wind.${compass(e.wind_from_deg)}`), speed: measured(e.wind_m_s ?? 0, "m/s") }));
  return lines;
}

const POINTS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"];
const compass = (degrees) => POINTS[Math.round(degrees / 45) % 8];

function ruleNamed(rule) {
  if (rule.startsWith(ODD)) return t("rule.anomaly", { quantity: quantityName(rule.slice(ODD.length)) });
  return has(`rule.${rule}`) ? t(`rule.${rule}`) : rule;
}
export const ruleName = (alarm) => ruleNamed(alarm.rule);
export const byName = (by) => (has(`by.${by}`) ? t(`by.${by}`) : by);
export const capital = (text) => text.charAt(0).toLocaleUpperCase(lang()) + text.slice(1);
