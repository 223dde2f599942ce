// An alarm in words: title, one line, reasons. Everything comes from the alarm's own figures, so both languages say the same.

import { age, has, hours, lang, measured, named, number, percent, quantityName, span, t } from "./i18n.js";
import { ageOf, liveOf, model } from "./model.js";

const KNOWN_EVIDENCE = new Set([
  "area_occupancy", "flow_pcu_h", "held_s", "free_speed_kmh", "speed_px_s", "mean", "completeness", "peak", "window_s",
]);

export const isStill = (alarm) => alarm.kind === "congestion" && "speed_px_s" in alarm.evidence;
// The fault of a camera: an entry `fault_<word>` of the evidence.
const FAULT = "fault_";
export const isCamera = (alarm) => alarm.rule === "camera_health";
const faultOf = (alarm) => Object.keys(alarm.evidence).filter((key) => key.startsWith(FAULT)).map((key) => t(`fault.${key.slice(FAULT.length)}`)).join(", ");
export const quantityOf = (alarm) => (alarm.kind === "pollution" ? alarm.subject.slice(alarm.device.length + 1) : "speed_kmh");

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
  if (isCamera(alarm)) return t("title.camera_health", { kind: t("kind.camera_health"), site: isolated(siteName(alarm)) });
  const kind = t(`kind.${alarm.kind}`, { quantity: quantityName(quantityOf(alarm)) });
  if (alarm.kind === "pollution") return t("title.pollution", { kind, site: isolated(siteName(alarm)) });
  return t("title.congestion", { kind, site: isolated(siteName(alarm)), direction: isolated(directionName(alarm)) });
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
  if (isCamera(alarm)) return t("card.camera_health", { fault: faultOf(alarm), span: span(alarm.worst_value * 1000) });
  const value = measured(alarm.worst_value, alarm.unit);
  if (alarm.kind === "pollution") return t("card.pollution", { window: averaging(alarm), value, threshold: threshold(alarm) });
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
  if (isCamera(alarm)) return [["1", t("because.camera_health", { fault: faultOf(alarm) })]];
  const lines = alarm.kind === "pollution" ? pollutionReasons(alarm) : congestionReasons(alarm);
  const others = Object.entries(alarm.evidence).filter(([key]) => !KNOWN_EVIDENCE.has(key));
  lines.push(...others.map(([key, value]) => t("evidence.other", { name: key, value: number(value, 2) })));
  const numbered = lines.map((text, i) => [String(i + 1), text]);
  if (alarm.condition === "active") numbered.push(sight(alarm));
  const key = alarm.kind === "pollution" ? "because.not.mean" : "because.not.speed";
  if (!isStill(alarm)) numbered.push(["~", has(key) ? t(key, { threshold: threshold(alarm) }) : ""]);
  return numbered;
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
  const lines = [
    t("because.mean", { window: averaging(alarm), mean: measured(alarm.worst_value, alarm.unit), threshold: threshold(alarm) }),
  ];
  if (e.peak !== undefined) lines.push(t("because.peak", { peak: measured(e.peak, alarm.unit) }));
  if (e.completeness !== undefined) lines.push(t("because.complete", { completeness: percent(e.completeness) }));
  return lines;
}

export const ruleName = (alarm) => (has(`rule.${alarm.rule}`) ? t(`rule.${alarm.rule}`) : alarm.rule);
export const byName = (by) => (has(`by.${by}`) ? t(`by.${by}`) : by);
export const capital = (text) => text.charAt(0).toLocaleUpperCase(lang()) + text.slice(1);
