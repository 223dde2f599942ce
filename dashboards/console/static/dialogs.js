// Questions before an act: a reason, somebody to assign to, how long. One dialog, filled for each question.

import { $, el } from "./dom.js";
import { named, span, t } from "./i18n.js";
import { model } from "./model.js";
import { person } from "./person.js";
import { remember, remembered } from "./memory.js";
import { act, needsOf, reportIncident, saidBy, setService, SHELVE_MINUTES } from "./act.js";
import { title } from "./words.js";

const REASONS = { reject: ["seen", "sensor", "works"], shelve: ["known", "works", "event"] };
const MOST_TEXT = 500;

// Does the act at once where it needs nothing, and asks first where it does.
export function begin(alarmId, what) {
  const card = model.cards.get(alarmId);
  if (!card || !card.acts.includes(what) || !person.may_respond) return;
  const needs = needsOf(what);
  if (!needs.length) return void act(alarmId, what);
  const fields = needs.map((need) => FIELDS[need](what));
  ask(t(`act.${what}`), title(card.alarm), fields, async (values) => {
    if (values.to) remember("assigned", JSON.stringify([...new Set([values.to, ...known()])].slice(0, 8)));
    act(alarmId, what, values);
    return "";
  });
}

const FIELDS = {
  note: (what) => noteField(what === "note" ? "ask.note" : "ask.reason", REASONS[what] ?? []),
  to: () => toField(),
  until_ms: () => choiceField("minutes", t("ask.until"), SHELVE_MINUTES.map((minutes) => [String(minutes), span(minutes * 60_000)]), "60"),
};

export function askIncident() {
  const sites = model.city.sites.map((site) => [site.id, named(site)]).sort((a, b) => a[1].localeCompare(b[1]));
  const chosen = model.chosen?.site ?? model.cards.get(model.chosen?.alarm)?.alarm.site ?? sites[0]?.[0];
  const priorities = ["high", "medium", "low"].map((priority) => [priority, t(`priority.${priority}`)]);
  const fields = [selectField("site", t("ask.site"), sites, chosen), noteField("ask.what", []), choiceField("priority", t("ask.priority"), priorities, "medium")];
  ask(t("incident.report"), t("incident.detail"), fields, async ({ site, note, priority }) => {
    const outcome = await reportIncident(site, note, priority);
    return outcome.state === "done" || outcome.state === "sent" ? "" : saidBy(outcome);
  });
}

export function askService(device, inService, done) {
  if (inService) return void setService(device, true, "").then(done);
  ask(t("service.out"), device, [noteField("ask.reason", [])], async ({ note }) => {
    const outcome = await setService(device, false, note);
    if (outcome.state === "failed" || outcome.state === "refused") return saidBy(outcome);
    done(outcome);
    return "";
  });
}

// `onGo` takes the values by name and gives a sentence when it did not work.
function ask(head, detail, fields, onGo) {
  const dialog = $("#ask");
  const said = el("p", { class: "said s", role: "status" });
  const go = el("button", { type: "submit", class: "btn primary" }, head);
  const cancel = el("button", { type: "button", class: "btn", onclick: () => dialog.close() }, t("ask.cancel"));
  const form = el("form", { class: "form" }, ...fields, said, el("div", { class: "pair" }, cancel, go));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    const wrong = await onGo(Object.fromEntries(new FormData(form)));
    go.disabled = false;
    if (wrong) said.textContent = wrong;
    else dialog.close();
  });
  dialog.replaceChildren(el("h2", { id: "ask-title" }, head), el("p", { class: "dim s" }, el("bdi", {}, detail)), form);
  dialog.showModal();
  form.querySelector("textarea, input, select")?.focus();
}

function noteField(label, reasons) {
  const area = el("textarea", { name: "note", required: true, maxlength: MOST_TEXT, rows: 3 });
  const fill = (text) => () => {
    area.value = text;
    area.focus();
  };
  const chips = reasons.map((reason) => el("button", { type: "button", class: "chip", onclick: fill(t(`reason.${reason}`)) }, t(`reason.${reason}`)));
  return el("div", { class: "field" }, el("label", {}, t(label), area), chips.length ? el("div", { class: "chips" }, ...chips) : null);
}

function toField() {
  const input = el("input", { name: "to", required: true, maxlength: 120, autocomplete: "off", list: "ask-known" });
  const fill = (text) => () => {
    input.value = text;
    input.focus();
  };
  const me = el("button", { type: "button", class: "chip", onclick: fill(person.name) }, t("ask.me"));
  const others = known().filter((name) => name !== person.name).slice(0, 4).map((name) => el("button", { type: "button", class: "chip", onclick: fill(name) }, el("bdi", {}, name)));
  return el("div", { class: "field" }, el("label", {}, t("ask.to"), input), el("div", { class: "chips" }, me, ...others));
}

function choiceField(name, label, choices, chosen) {
  const one = ([value, text]) => el("label", {}, el("input", { type: "radio", name, value, checked: value === chosen }), el("span", {}, text));
  return el("fieldset", { class: "choices" }, el("legend", {}, label), ...choices.map(one));
}

function selectField(name, label, options, chosen) {
  return el("label", { class: "field" }, label, el("select", { name, required: true }, ...options.map(([value, text]) => el("option", { value, selected: value === chosen }, text))));
}

function known() {
  try {
    const names = JSON.parse(remembered("assigned") ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}
