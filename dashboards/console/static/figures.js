// The desk's own figures after ISA-18.2 and EEMUA 191: is the number of alarms one that people can live with?

import { el, name } from "./dom.js";
import { named, number, percent, span, t, when } from "./i18n.js";
import { isFlood, model } from "./model.js";
import { remember, remembered } from "./memory.js";
import { failed, figure, load, loading, meter, nothing, pageHead, segments, table } from "./tables.js";
import { ruleName } from "./words.js";

const HOUR_MS = 3_600_000;
const PERIODS = { 8: 8, 24: 24, 168: 168, 720: 720 };
const TOLERABLE = { rate: 6, top: 0.05, stale: 5, flood: 0.01 };
const PRIORITY_AIMS = { high: 0.05, medium: 0.15, low: 0.8 };

let hours = 24, operators = Math.max(1, Number(remembered("operators")) || 1);

export async function show(node) {
  if (!node.querySelector(".figures")) node.replaceChildren(pageHead(t("kpis.title"), ""), loading());
  const now = model.clockMs;
  const range = now === null ? "" : `from=${Math.max(0, now - hours * HOUR_MS)}&to=${now + 1}&`;
  const found = await load(`api/kpis?${range}operators=${operators}`);
  if (document.querySelector("#app").dataset.view !== "kpis") return;
  node.replaceChildren(head(node, found?.kpis), ...(found ? board(found.kpis) : [failed()]));
}

function head(node, k) {
  const again = () => show(node);
  const periods = segments(t("kpis.period"), Object.keys(PERIODS).map((one) => [one, span(PERIODS[one] * HOUR_MS)]), String(hours), (one) => {
    hours = PERIODS[one];
    again();
  });
  const input = el("input", { type: "number", min: "1", max: "1000", value: String(operators), id: "operators" });
  input.addEventListener("change", () => {
    operators = Math.min(1000, Math.max(1, Math.round(Number(input.value)) || 1));
    remember("operators", String(operators));
    again();
  });
  const detail = k ? t("kpis.detail", { from: when(k.start_ms, k.stop_ms), to: when(k.stop_ms, k.stop_ms) }) : "";
  return pageHead(t("kpis.title"), detail, el("label", { class: "inline" }, t("kpis.operators"), input), periods);
}

function board(k) {
  const calls = (isOver) => (isOver ? "medium" : "");
  const aim = (text) => ({ note: t("kpis.aim", { aim: text }) });
  return [
    isFlood() ? el("p", { class: "flood", role: "status" }, t("kpis.flood")) : el("p", { class: "visually-hidden" }, t("kpis.no.flood")),
    el("div", { class: "figures" },
      figure(number(k.raised), "", t("kpis.raised")),
      figure(number(k.rate_per_hour, 1), t("kpis.per.hour"), t("kpis.rate"), { ...aim(`≤ ${TOLERABLE.rate}`), calls: calls(k.rate_per_hour > TOLERABLE.rate) }),
      figure(number(k.worst_hour), "", t("kpis.worst"), aim(`≤ ${TOLERABLE.rate * operators}`)),
      figure(number(k.floods), "", t("kpis.floods"), { ...aim(`< ${percent(TOLERABLE.flood)}`), calls: calls(k.flood_share > TOLERABLE.flood) }),
      figure(number(k.chattering), "", t("kpis.chattering"), { ...aim("0"), calls: calls(k.chattering > 0) }),
      figure(number(k.stale), "", t("kpis.stale"), { ...aim(`< ${TOLERABLE.stale}`), calls: calls(k.stale >= TOLERABLE.stale) }),
      figure(k.answer_s === null ? "" : span(k.answer_s * 1000), "", t("kpis.answer"), { isKnown: k.answer_s !== null }),
      figure(number(k.unanswered), "", t("kpis.unanswered"), { calls: calls(k.unanswered > 0) }),
      figure(k.rejected_share === null ? "" : percent(k.rejected_share), "", t("kpis.rejected"), { isKnown: k.rejected_share !== null })),
    el("div", { class: "halves" }, priorities(k), sources(k)),
  ];
}

function priorities(k) {
  const row = (priority) => el("div", { class: "each" }, el("span", {}, t(`priority.${priority}`)), meter(k.priorities[priority], priority), el("b", {}, k.raised ? percent(k.priorities[priority]) : "–"), el("span", { class: "dim" }, t("kpis.aim", { aim: percent(PRIORITY_AIMS[priority]) })));
  return el("section", { class: "panel pad" }, el("h3", {}, t("kpis.priorities")), ...["high", "medium", "low"].map(row));
}

function sources(k) {
  if (!k.top.length) return el("section", { class: "panel pad" }, el("h3", {}, t("kpis.top")), nothing(t("kpis.none")));
  const columns = [[t("kpis.source"), "first"], [t("kpis.count"), "num"], [t("kpis.share"), "bar-cell"]];
  const rows = k.top.map(({ rule, subject, count, share }) => ({
    class: "",
    cells: [el("span", {}, el("b", {}, ruleName({ rule })), el("span", { class: "dim s" }, " ", name(placeOf(subject)))), number(count), el("span", {}, meter(share), percent(share))],
  }));
  return el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h3", {}, t("kpis.top"))), table(t("kpis.top"), columns, rows));
}

function placeOf(subject) {
  const device = model.city.deviceById[subject.split("/")[0]];
  const site = model.city.siteById[device?.site ?? subject];
  return site ? named(site) : subject;
}
