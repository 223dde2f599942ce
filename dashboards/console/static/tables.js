// The pages beside "now": how they are headed, their tables and tiles. A table becomes a list of cards on a phone.

import { el } from "./dom.js";
import { t } from "./i18n.js";

export function pageHead(title, detail, ...tools) {
  return el("div", { class: "page-head" }, el("h2", {}, title), el("p", { class: "dim s" }, detail), el("div", { class: "page-tools" }, ...tools));
}

// `columns`: [key, heading, class]; `rows`: arrays of nodes or texts in the same order.
export function table(caption, columns, rows, classes = "") {
  const head = el("tr", {}, ...columns.map(([heading, kind]) => el("th", { scope: "col", class: kind }, heading)));
  const body = rows.map(({ cells, ...attributes }) => el("tr", attributes, ...cells.map((cell, i) => el("td", { class: columns[i][1], "data-head": columns[i][0] }, cell))));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, el("table", { class: classes }, el("caption", { class: "visually-hidden" }, caption), el("thead", {}, head), el("tbody", {}, ...body)));
}

export function figure(value, unit, label, { isKnown = true, note = "", calls = "" } = {}) {
  const shown = isKnown ? [value, " ", el("small", {}, unit)] : [el("i", { class: "hatch" }), "–"];
  return el("div", { class: `tile-figure ${calls}` }, el("div", { class: `v ${isKnown ? "" : "unknown"}` }, ...shown), el("div", { class: "l" }, label), note ? el("div", { class: "l faint" }, note) : null);
}

export function segments(label, options, chosen, onChoose) {
  const one = ([value, text]) => el("button", { type: "button", "aria-pressed": String(value === chosen), "data-value": value, onclick: () => onChoose(value) }, text);
  return el("span", { class: "seg", role: "group", "aria-label": label }, ...options.map(one));
}

export const loading = () => el("div", { class: "empty tall", role: "status" }, el("i", { class: "hatch big" }), el("b", {}, t("page.loading")));
export const failed = () => el("div", { class: "empty tall", role: "status" }, el("i", { class: "hatch big" }), el("b", {}, t("page.failed")), el("span", { class: "dim s" }, t("page.failed.detail")));
export const nothing = (head, detail = "") => el("div", { class: "empty" }, el("b", {}, head), detail ? el("span", { class: "dim s" }, detail) : null);

// The answer as JSON, or null when there is none.
export async function load(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

// A small bar for a share 0..1; the figure stands beside it, so it is not read out.
export function meter(share, classes = "") {
  const whole = el("progress", { class: `meter ${classes}`, max: "100", value: String(Math.round(Math.max(0, Math.min(1, share)) * 100)), "aria-hidden": "true" });
  return whole;
}
