// The system's own health in words an operator uses; on a phone a page of its own.

import { $, el } from "./dom.js";
import { number, t } from "./i18n.js";
import { model } from "./model.js";

let showKeys = () => {};

export function startStrip(onKeys) {
  showKeys = onKeys;
}

export function drawStrip() {
  const q = model.quality;
  if (!q) return;
  const items = [share("strip.cameras", q.cameras), share("strip.stations", q.stations), latency(q), counts(q)];
  if (q.partitions_behind) items.push(item(dot(true), t("strip.behind", { n: number(q.partitions_behind) })));
  if (q.unreadable) items.push(item(dot(true), t("strip.unreadable", { n: number(q.unreadable) })));
  $("#health-badge").hidden = isWell(q);
  const over = q.alarms_this_hour > q.tolerable_per_hour;
  const hour = item(over ? dot(true) : "", t("strip.hour", { n: number(q.alarms_this_hour), tolerable: q.tolerable_per_hour }));
  hour.classList.add("hour");
  const keys = el("button", { type: "button", class: "keys", onclick: showKeys }, el("kbd", {}, "?"), " ", t("strip.keys"));
  const had = document.activeElement?.classList?.contains("keys");
  const more = q.cameras.known < q.cameras.total || q.stations.known < q.stations.total ? el("a", { href: "#/devices" }, t("strip.devices")) : null;
  $("#strip").replaceChildren(...items.filter(Boolean), more ?? "", hour, keys);
  if (had) keys.focus();
}

function isWell(q) {
  const seen = q.cameras.known === q.cameras.total && q.stations.known === q.stations.total;
  return seen && !q.gaps && !q.dead_lettered && !q.partitions_behind && !q.unreadable;
}

const item = (...children) => el("span", { class: "item" }, ...children);
const dot = (bad) => el("i", { class: bad ? "dot bad" : "dot" });

function share(key, { known, total }) {
  if (!total) return null;
  const sign = known === total ? dot(false) : el("i", { class: "hatch" });
  return item(sign, t(key, { known: number(known), total: number(total) }));
}

function latency(q) {
  if (q.latency_ms === null) return item(t("strip.latency.none"));
  return item(t("strip.latency", { value: `${number(q.latency_ms / 1000, 2)}\u00a0s` }));
}

function counts(q) {
  const parts = [
    t("strip.received", { n: number(q.received) }), t("strip.duplicates", { n: number(q.duplicates) }), t("strip.late", { n: number(q.late) }),
    q.gaps ? t("strip.gaps", { n: number(q.gaps) }) : "", t("strip.dead", { n: number(q.dead_lettered) }),
  ];
  return item(q.gaps || q.dead_lettered ? dot(true) : "", parts.filter(Boolean).join(" · "));
}
