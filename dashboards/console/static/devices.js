// The ledger of devices: who is heard, since when not, how much has come, what is broken.

import { el, name } from "./dom.js";
import { age, named, number, t, when } from "./i18n.js";
import { model } from "./model.js";
import { person } from "./person.js";
import { askService } from "./dialogs.js";
import { failed, figure, load, loading, nothing, pageHead, segments, table } from "./tables.js";
import { line } from "./words.js";

const EVERY_MS = 10_000; // by the viewer's own clock
let ledger = null, askedMs = -Infinity, filter = "all";

export function show(node) {
  if (ledger === null) node.replaceChildren(pageHead(t("devices.title"), ""), loading());
  else draw(node);
  askedMs = -Infinity;
  tick(node);
}

export async function tick(node) {
  if (performance.now() - askedMs < EVERY_MS) return;
  askedMs = performance.now();
  const found = await load("api/devices");
  if (node.dataset.shown !== "devices" || document.querySelector("#app").dataset.view !== "devices") return;
  ledger = found ?? ledger;
  if (ledger === null) node.replaceChildren(pageHead(t("devices.title"), ""), failed());
  else draw(node);
}

const isUnwell = (one) => one.state === "unknown" || one.faults.length > 0 || one.out_of_service;

function draw(node) {
  const scroll = node.scrollTop;
  const all = ledger.devices, silent = all.filter((one) => one.state === "unknown");
  const rows = all.filter((one) => filter === "all" || (filter === "unwell" ? isUnwell(one) : one.kind === filter));
  rows.sort((a, b) => Number(isUnwell(b)) - Number(isUnwell(a)));
  const filters = segments(t("devices.filter"), ["all", "unwell", "camera", "air"].map((one) => [one, t(`devices.filter.${one}`)]), filter, (one) => {
    filter = one;
    draw(node);
  });
  const columns = [[t("devices.device"), "first"], [t("devices.state"), ""], [t("devices.seen"), "num"], [t("devices.received"), "num"], [t("devices.fault"), "wide-cell"], ...(isChief() ? [[t("devices.service"), "num"]] : [])];
  const detail = ledger.since_ms === null ? "" : t("devices.detail", { since: when(ledger.since_ms, model.clockMs) });
  node.replaceChildren(
    pageHead(t("devices.title"), detail, filters),
    el("div", { class: "figures" },
      figure(number(all.length - silent.length), `/ ${number(all.length)}`, t("devices.heard")),
      figure(number(silent.length), "", t("devices.silent"), { calls: silent.length ? "medium" : "" }),
      figure(number(all.filter((one) => one.faults.length).length), "", t("devices.faulty"), { calls: all.some((one) => one.faults.length) ? "maint" : "" }),
      figure(number(all.filter((one) => one.out_of_service).length), "", t("devices.out"))),
    rows.length ? el("section", { class: "panel" }, table(t("devices.title"), columns, rows.map(row))) : nothing(t("devices.none")),
  );
  node.scrollTop = scroll;
}

const isChief = () => ["supervisor", "admin"].includes(person.role);

function row(one) {
  const site = model.city.siteById[one.site];
  const unknown = one.state === "unknown" || model.lostSinceMs !== null;
  const state = one.out_of_service ? t("devices.state.out") : unknown ? t("state.unknown") : one.faults.length ? t("devices.state.fault") : t("state.ok");
  const faults = one.faults.map((id) => model.cards.get(id)).filter(Boolean);
  return {
    "data-device": one.id,
    cells: [
      el("a", { href: `#/places/${encodeURIComponent(one.site)}` }, el("b", {}, name(site ? named(site) : one.site)), el("span", { class: "dim s" }, ` ${one.id} · ${t(`devices.kind.${one.kind}`)}`)),
      el("span", {}, unknown ? el("i", { class: "hatch" }) : el("i", { class: one.faults.length ? "dot bad" : "dot" }), state),
      one.at_ms === null ? t("site.never") : age(Math.max(0, ledger.now_ms - one.at_ms)),
      number(one.received),
      faults.length ? el("a", { href: `#/now/${encodeURIComponent(faults[0].alarm.id)}` }, faults.map((card) => line(card.alarm)).join("; ")) : "–",
      ...(isChief() ? [serviceButton(one)] : []),
    ],
  };
}

function serviceButton(one) {
  const done = () => (askedMs = -Infinity);
  return el("button", { type: "button", class: "btn small calm", onclick: () => askService(one.id, one.out_of_service, done) }, t(one.out_of_service ? "service.back" : "service.out"));
}
