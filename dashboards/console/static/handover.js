// The report of a shift: what came, what is still open, who answered, and a remark for whoever comes next. Made to be printed.

import { el, name } from "./dom.js";
import { day, named, number, shortTime, span, t, when } from "./i18n.js";
import { model } from "./model.js";
import { person } from "./person.js";
import { failed, figure, load, loading, nothing, pageHead, segments, table } from "./tables.js";
import { byName, line, title } from "./words.js";

const HOUR_MS = 3_600_000;
let hours = 12, remark = "";

export async function show(node) {
  if (!node.querySelector(".report")) node.replaceChildren(pageHead(t("handover.title"), ""), loading());
  const now = model.clockMs;
  const range = now === null ? "" : `?from=${Math.max(0, now - hours * HOUR_MS)}&to=${now + 1}`;
  const found = await load(`api/handover${range}`);
  if (document.querySelector("#app").dataset.view !== "handover") return;
  const periods = segments(t("kpis.period"), ["8", "12", "24"].map((one) => [one, span(Number(one) * HOUR_MS)]), String(hours), (one) => {
    hours = Number(one);
    show(node);
  });
  const print = el("button", { type: "button", class: "btn small", onclick: () => globalThis.print() }, t("handover.print"));
  node.replaceChildren(pageHead(t("handover.title"), found ? headline(found.handover) : "", periods, print), found ? report(found) : failed());
}

const headline = (h) => t("handover.detail", { day: day(h.stop_ms), from: when(h.start_ms, h.stop_ms), to: shortTime(h.stop_ms), city: named(model.city) });

function report({ handover: h, kpis: k }) {
  const area = el("textarea", { rows: 4, maxlength: 4000, id: "remark" });
  area.value = remark;
  const printed = el("p", { class: "print-only" }, remark);
  area.addEventListener("input", () => {
    remark = area.value;
    printed.textContent = remark;
  });
  const waiting = h.still_open.filter((alarm) => alarm.response === "new" && alarm.kind !== "maintenance");
  const byWhom = Object.entries(h.answers).sort((a, b) => b[1] - a[1]);
  return el(
    "div", { class: "report" },
    el("div", { class: "figures" },
      figure(number(h.raised.length), "", t("handover.raised")),
      figure(number(h.still_open.length), "", t("handover.open")),
      figure(number(waiting.length), "", t("handover.waiting"), { calls: waiting.length ? "high" : "" }),
      figure(k.answer_s === null ? "" : span(k.answer_s * 1000), "", t("kpis.answer"), { isKnown: k.answer_s !== null })),
    list(t("handover.open"), h.still_open, t("handover.open.none")),
    list(t("handover.hidden"), h.hidden, ""),
    list(t("handover.raised"), [...h.raised].sort((a, b) => b.opened_ms - a.opened_ms), t("handover.raised.none")),
    el("section", { class: "panel pad" }, el("h3", {}, t("handover.answers")), byWhom.length ? el("ul", { class: "plain" }, ...byWhom.map(([who, n]) => el("li", {}, name(byName(who)), " ", el("b", {}, number(n))))) : el("p", { class: "dim s" }, t("handover.answers.none"))),
    el("section", { class: "panel pad" }, el("label", { class: "field" }, el("h3", {}, t("handover.remark")), area), printed, el("p", { class: "dim s" }, t("handover.by", { name: person.name || t("by.operator") }))),
  );
}

function list(caption, alarms, none) {
  if (!alarms.length) return none ? el("section", { class: "panel pad" }, el("h3", {}, caption), nothing(none)) : null;
  const columns = [[t("history.opened"), "num first-narrow"], [t("history.alarm"), "first"], [t("history.priority"), ""], [t("history.state"), ""]];
  const rows = alarms.map((alarm) => ({
    "data-alarm": alarm.id,
    cells: [when(alarm.opened_ms, model.clockMs), el("a", { href: `#/now/${encodeURIComponent(alarm.id)}` }, el("b", {}, title(alarm)), el("span", { class: "dim s" }, ` ${line(alarm)}`)), t(`priority.${alarm.priority}`), stateWords(alarm)],
  }));
  return el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h3", {}, caption), el("span", { class: "chip" }, number(alarms.length))), table(caption, columns, rows));
}

// Condition and response in words, with who.
export function stateWords(alarm) {
  const over = alarm.condition === "returned" ? t("condition.returned") : t("condition.active");
  const who = alarm.assigned_to ? t("card.assigned", { to: alarm.assigned_to }) : t(`response.${alarm.response}`);
  return `${over} · ${who}`;
}
