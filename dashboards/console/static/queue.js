// The ranked queue: what needs somebody, what has somebody, what is over. Cards are kept and only redrawn when what they say changed.

import { $, el, mark } from "./dom.js";
import { lang, percent, span, t, when } from "./i18n.js";
import { isFlood, model, ranked } from "./model.js";
import { person } from "./person.js";
import { takeGroupButton } from "./groups.js";
import { sparkline } from "./chart.js";
import { causeName, line, title } from "./words.js";

const kept = new Map();
const MOST_RETURNED = 20;
let choose = () => {}, report = () => {};
const opened = new Set(); // causes whose alarms are shown one by one during a flood

export function startQueue(onChoose, onReport) {
  [choose, report] = [onChoose, onReport];
}

export function drawQueue() {
  const cards = ranked();
  const groups = { needs: [], handled: [], maintenance: [], hidden: [], returned: [] };
  for (const card of cards) groups[card.group].push(card);
  groups.returned = groups.returned.slice(0, MOST_RETURNED);
  const nodes = [];
  nodes.push(heading("needs", groups.needs.length, cards.length > 0));
  const flood = isFlood();
  if (flood) nodes.push(el("p", { class: "flood", role: "status" }, t("flood.on", { n: String(groups.needs.length) })));
  nodes.push(...(!groups.needs.length ? [empty()] : flood ? byCause(groups.needs) : groups.needs.map(cardNode)));
  for (const group of ["handled", "maintenance", "hidden", "returned"]) {
    if (groups[group].length) nodes.push(heading(group, groups[group].length), ...groups[group].map(cardNode));
  }
  replaceKept($("#queue"), nodes);
  for (const id of kept.keys()) if (!model.cards.has(id)) kept.delete(id);
  drawAges();
  drawBadge(groups.needs.length);
}

// The order j and k walk in.
export function shownIds() {
  return [...$("#queue").querySelectorAll(".card")].map((node) => node.dataset.alarm);
}

export function drawAges() {
  if (model.clockMs === null) return;
  for (const node of $("#queue").querySelectorAll(".age")) {
    const end = node.dataset.end ? Number(node.dataset.end) : model.clockMs;
    node.textContent = span(Math.max(0, end - Number(node.dataset.since)));
  }
}

function drawBadge(count) {
  const badge = $("#badge");
  badge.hidden = count === 0;
  badge.textContent = String(count);
}

// Leaves nodes that stay where they are, so that focus and scroll stay too.
function replaceKept(parent, nodes) {
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
  while (parent.children.length > nodes.length) parent.lastChild.remove();
}

function heading(group, count, withKeys = false) {
  const keys = el("span", { class: "right xs keys-hint" }, el("kbd", {}, "J"), " ", el("kbd", {}, "K"), " ", t("queue.move"));
  const add = group === "needs" && person.may_respond ? el("button", { type: "button", class: "chip add", onclick: report }, "+ ", t("incident.short")) : null;
  const label = t(`queue.group.${group}`);
  return el("h2", { class: group }, label, el("span", { class: "chip" }, String(count)), withKeys ? keys : el("span", { class: "right" }), add);
}

// A flood: one card a cause, the worst alarm's words on it, its alarms below when opened.
function byCause(cards) {
  const causes = new Map();
  for (const card of cards) {
    const key = card.alarm.group || card.alarm.id;
    causes.set(key, [...(causes.get(key) ?? []), card]);
  }
  return [...causes].flatMap(([key, members]) => (members.length < 2 ? members.map(cardNode) : [causeNode(key, members), ...(opened.has(key) ? members.map(cardNode) : [])]));
}

function causeNode(key, members) {
  const [{ alarm }] = members;
  const isOpen = opened.has(key);
  const toggle = () => {
    if (!opened.delete(key)) opened.add(key);
    drawQueue();
  };
  const show = el("button", { type: "button", class: "btn small", "aria-expanded": String(isOpen), onclick: toggle }, t(isOpen ? "flood.hide" : "flood.show"));
  return el(
    "div", { class: "card cause" }, mark(alarm.priority), el("b", {}, causeName(alarm)), el("span", { class: "chip high" }, String(members.length)),
    el("span", { class: "row2" }, t("flood.worst", { title: title(alarm) })), el("span", { class: "row3" }, show, takeGroupButton(members)),
  );
}

function empty() {
  const waiting = model.link === "waiting";
  const [head, detail] = waiting
    ? [t("queue.waiting"), t("queue.waiting.detail")]
    : [t("queue.empty"), t("queue.empty.detail")];
  return el("div", { class: "empty" }, waiting ? el("i", { class: "hatch big" }) : mark("done"), el("b", {}, head), el("span", { class: "dim s" }, detail));
}

function cardNode(card) {
  const { alarm, group } = card;
  const isChosen = model.chosen?.alarm === alarm.id;
  const signature = `${alarm.version} ${group} ${lang()} ${isChosen}`;
  const known = kept.get(alarm.id);
  if (known?.signature === signature) return known.node;
  const node = drawn(card, isChosen);
  if (known && document.activeElement === known.node) requestAnimationFrame(() => node.focus());
  kept.set(alarm.id, { signature, node });
  return node;
}

function drawn(card, isChosen) {
  const { alarm, group } = card;
  const kind = markOf(card);
  const age = el("span", { class: "age", "data-since": alarm.onset_ms, "data-end": alarm.cleared_ms ?? undefined });
  return el(
    "button",
    {
      type: "button", class: `card ${group}`, "data-alarm": alarm.id, "aria-current": isChosen ? "true" : undefined,
      onclick: () => choose({ alarm: alarm.id }),
    },
    mark(kind),
    el("b", {}, title(alarm)),
    age,
    el("span", { class: "row2" }, line(alarm)),
    el("span", { class: "row3" }, ...chips(card), sparkline(card)),
  );
}

export function markOf({ alarm, group }) {
  if (group === "maintenance") return "tool";
  if (group === "needs") return alarm.priority;
  return group === "handled" ? "done" : group === "hidden" ? "hidden" : "over";
}

function chips({ alarm, group }) {
  const chip = (text, kind = "") => el("span", { class: `chip ${kind}` }, text);
  const priority = chip(t(`priority.${alarm.priority}`), group === "needs" ? alarm.priority : "");
  if (group === "needs") {
    const more = alarm.escalation ? [chip(t("card.escalated"), "high")] : [];
    return [priority, ...more, alarm.recurrences ? chip(t("card.recurred", { n: String(alarm.recurrences) })) : chip(t("card.confidence", { value: percent(alarm.confidence) }))];
  }
  if (group === "maintenance") return [chip(t("card.technical"), "maint")];
  if (group === "hidden") return [chip(hiddenWords(alarm))];
  const taken = alarm.acknowledged_ms === null ? t("card.untaken") : t("card.taken", { time: when(alarm.acknowledged_ms, model.clockMs) });
  if (group === "handled") return [priority, chip(alarm.assigned_to ? t("card.assigned", { to: alarm.assigned_to }) : taken)];
  return [chip(t("card.cleared", { time: when(alarm.cleared_ms ?? alarm.closed_ms, model.clockMs) })), chip(taken)];
}

function hiddenWords(alarm) {
  if (alarm.response === "rejected") return t("response.rejected");
  if (alarm.shelved_until_ms !== null) return t("card.shelved", { time: when(alarm.shelved_until_ms, model.clockMs) });
  return t("card.suppressed");
}
