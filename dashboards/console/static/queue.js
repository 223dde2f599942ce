// The ranked queue: what needs somebody, what has somebody, what is over. Cards are kept and only redrawn when what they say changed.

import { $, el, mark } from "./dom.js";
import { lang, percent, span, t, when } from "./i18n.js";
import { model, ranked } from "./model.js";
import { sparkline } from "./chart.js";
import { line, title } from "./words.js";

const kept = new Map();
const MOST_RETURNED = 20;
let choose = () => {};

export function startQueue(onChoose) {
  choose = onChoose;
}

export function drawQueue() {
  const cards = ranked();
  const groups = { needs: [], handled: [], maintenance: [], hidden: [], returned: [] };
  for (const card of cards) groups[card.group].push(card);
  groups.returned = groups.returned.slice(0, MOST_RETURNED);
  const nodes = [];
  nodes.push(heading("needs", groups.needs.length, cards.length > 0));
  nodes.push(...(groups.needs.length ? groups.needs.map(cardNode) : [empty()]));
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
  const keys = el("span", { class: "right xs" }, el("kbd", {}, "J"), " ", el("kbd", {}, "K"), " ", t("queue.move"));
  const label = t(`queue.group.${group}`);
  return el("h2", { class: group }, label, el("span", { class: "chip" }, String(count)), withKeys ? keys : null);
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
  const kind = group === "needs" ? alarm.priority : group === "handled" ? "done" : "over";
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

function chips({ alarm, group }) {
  const chip = (text, kind = "") => el("span", { class: `chip ${kind}` }, text);
  const priority = chip(t(`priority.${alarm.priority}`), group === "needs" ? alarm.priority : "");
  if (group === "needs") return [priority, chip(t("card.confidence", { value: percent(alarm.confidence) }))];
  const taken = alarm.acknowledged_ms === null ? t("card.untaken") : t("card.taken", { time: when(alarm.acknowledged_ms, model.clockMs) });
  if (group === "handled") return [priority, chip(taken)];
  return [chip(t("card.cleared", { time: when(alarm.cleared_ms, model.clockMs) })), chip(taken)];
}
