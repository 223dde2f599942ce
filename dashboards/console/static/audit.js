// Who did what at the desk, newest first: for supervisors and administrators. `saola audit verify` checks the chain behind it.

import { $, el, name } from "./dom.js";
import { number, t, when } from "./i18n.js";
import { model } from "./model.js";
import { failed, load, loading, nothing, pageHead, table } from "./tables.js";
import { mayAudit } from "./person.js";
import { byName } from "./words.js";

const NEWEST = 300;

export async function show(node) {
  if (!mayAudit()) return node.replaceChildren(pageHead(t("audit.title"), t("audit.detail")), nothing(t("audit.not.yours")));
  node.replaceChildren(pageHead(t("audit.title"), t("audit.detail")), loading());
  const found = await load(`api/audit?newest=${NEWEST}`);
  if ($("#app").dataset.view !== "audit") return;
  const columns = [["#", "num dim"], [t("audit.when"), "num first-narrow"], [t("audit.who"), "first"], [t("audit.what"), ""], [t("audit.about"), "wide-cell"]];
  const body = !found ? failed() : found.entries.length ? el("section", { class: "panel" }, table(t("audit.title"), columns, found.entries.map(row))) : nothing(t("audit.none"));
  node.replaceChildren(pageHead(t("audit.title"), t("audit.detail")), body);
}

function row(entry) {
  const detail = Object.entries(entry.detail).filter(([, value]) => value !== "");
  return {
    "data-entry": entry.seq,
    cells: [number(entry.seq), when(entry.at_ms, model.clockMs), el("b", {}, name(byName(entry.who))), entry.what, el("span", { class: "lines" }, ...detail.map(([key, value]) => el("span", { class: "figure-line" }, el("span", { class: "dim s" }, `${key} `), el("bdi", {}, value))))],
  };
}
