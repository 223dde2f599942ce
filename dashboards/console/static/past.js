// What was: every alarm of the last 30 days, searched and filtered, to look at again or to take away as a file.

import { el } from "./dom.js";
import { named, number, span, t, when } from "./i18n.js";
import { model } from "./model.js";
import { mayAudit } from "./person.js";
import { failed, load, loading, nothing, pageHead, table } from "./tables.js";
import { line, title } from "./words.js";
import { stateWords } from "./handover.js";

const HOUR_MS = 3_600_000;
const KINDS = ["congestion", "pollution", "stopped_vehicle", "wrong_way", "incident", "maintenance"];
const PERIODS = [24, 168, 720];
const MOST_ROWS = 200;
const WAIT_MS = 250;

const wanted = { text: "", kind: "", area: "", priority: "", response: "", hours: "168" };
let asked = 0, timer = 0;

export function show(node) {
  const results = el("div", { id: "results" }, loading());
  const files = el("span", { class: "files" });
  node.replaceChildren(pageHead(t("history.title"), t("history.detail"), files), filters(results, files), results);
  find(results, files);
}

function filters(results, files) {
  const all = ["", t("history.all")];
  const areas = model.city.areas.map((area) => [area.id, named(area)]);
  const search = el("input", { type: "search", value: wanted.text, maxlength: "120", "data-filter": "text" });
  const form = el(
    "form", { class: "filters", role: "search" },
    el("label", {}, t("history.text"), search),
    select("hours", t("kpis.period"), PERIODS.map((one) => [String(one), span(one * HOUR_MS)])),
    select("kind", t("history.kind"), [all, ...KINDS.map((kind) => [kind, t(`kind.of.${kind}`)])]),
    select("area", t("history.area"), [all, ...areas]),
    select("priority", t("history.priority"), [all, ...["high", "medium", "low"].map((one) => [one, t(`priority.${one}`)])]),
    select("response", t("history.response"), [all, ...["new", "acknowledged", "assigned", "rejected"].map((one) => [one, t(`response.${one}`)])]),
  );
  const changed = (event) => {
    wanted[event.target.dataset.filter] = event.target.value;
    clearTimeout(timer);
    timer = setTimeout(() => find(results, files), WAIT_MS);
  };
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  return form;
}

function select(filter, label, options) {
  return el("label", {}, label, el("select", { "data-filter": filter }, ...options.map(([value, text]) => el("option", { value, selected: wanted[filter] === value }, text))));
}

function query(format = "") {
  const stop = (model.clockMs ?? 0) + 1;
  const values = { ...wanted, from: Math.max(0, stop - Number(wanted.hours) * HOUR_MS), to: stop, format };
  delete values.hours;
  if (model.clockMs === null) delete values.from, delete values.to;
  return `api/history?${new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""))}`;
}

async function find(results, files) {
  const mine = ++asked;
  const found = await load(query());
  if (mine !== asked) return;
  const file = (format, text) => el("a", { class: "btn small", href: query(format), download: `alarms.${format}` }, text);
  files.replaceChildren(el("a", { class: "btn small", href: `#/moment/${model.clockMs ?? 0}` }, t("moment.title")), ...(mayAudit() ? [el("a", { class: "btn small", href: "#/audit" }, t("audit.title"))] : []), file("csv", "CSV"), file("json", "JSON"));
  if (!found) return results.replaceChildren(failed());
  if (!found.alarms.length) return results.replaceChildren(nothing(t("history.none"), t("history.none.detail")));
  const count = el("p", { class: "dim s count", role: "status" }, t("history.found", { n: number(found.total), shown: number(Math.min(found.total, MOST_ROWS)) }));
  results.replaceChildren(count, el("section", { class: "panel" }, table(t("history.title"), columns(), found.alarms.slice(0, MOST_ROWS).map(row))));
}

const columns = () => [[t("history.opened"), "num first-narrow"], [t("history.alarm"), "first"], [t("history.priority"), ""], [t("history.lasted"), "num"], [t("history.state"), ""]];

function row(alarm) {
  const end = alarm.cleared_ms ?? model.clockMs ?? alarm.opened_ms;
  const show = () => lookAt(alarm);
  return {
    "data-alarm": alarm.id,
    cells: [
      el("a", { href: `#/moment/${alarm.opened_ms}`, title: t("moment.title") }, when(alarm.opened_ms, model.clockMs)),
      el("a", { href: `#/now/${encodeURIComponent(alarm.id)}`, onclick: show }, el("b", {}, title(alarm)), el("span", { class: "dim s" }, ` ${line(alarm)}`)),
      t(`priority.${alarm.priority}`), span(Math.max(0, end - alarm.onset_ms)), stateWords(alarm),
    ],
  };
}

// An alarm that the desk no longer holds is put there to be looked at, with nothing left to do about it.
function lookAt(alarm) {
  if (model.cards.has(alarm.id)) return;
  const series = ["maintenance", "incident"].includes(alarm.kind) ? "" : alarm.kind === "pollution" ? alarm.subject : `${alarm.subject}/speed_kmh`;
  model.cards.set(alarm.id, { alarm, group: "returned", series, timeline: [], acts: [] });
}
