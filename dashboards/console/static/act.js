// What an operator does. The engine decides; this only asks, and says what came of it.

import { t } from "./i18n.js";
import { ageOf, model } from "./model.js";
import { person } from "./person.js";

// In the order of the buttons. Which of them an alarm has is the card's `acts`, from the table of the engine.
const BUTTONS = ["acknowledge", "end_incident", "unshelve", "unreject", "assign", "release", "shelve", "reject", "note"];
export const KEY_OF = { acknowledge: "A", assign: "G", shelve: "S", reject: "R" };
const UNDONE_BY = { assign: "release", shelve: "unshelve", reject: "unreject" };
export const SHELVE_MINUTES = [15, 30, 60, 120, 240, 480];

const states = new Map(); // alarm id → {state, say, values, undo}
const listeners = [];

export function startActs(onChange) {
  listeners.push(onChange);
}

export const stateOf = (alarmId) => states.get(alarmId);
export const buttonsOf = (card) => (person.may_respond ? BUTTONS.filter((act) => card.acts.includes(act)) : []);
export const needsOf = (act) => ({ assign: ["to"], shelve: ["until_ms", "note"], reject: ["note"], note: ["note"] })[act] ?? [];

// `asked`: {note, to, minutes}, what the act needs. True when the engine has done it.
export async function act(alarmId, what, asked = {}) {
  const card = model.cards.get(alarmId);
  if (!card || states.get(alarmId)?.state === "sending") return false;
  set(alarmId, { state: "sending", say: "" });
  const body = { version: card.alarm.version, command_id: commandId(), note: asked.note ?? "", to: asked.to ?? "" };
  if (asked.minutes) body.until_ms = model.clockMs + asked.minutes * 60_000;
  const outcome = await send(`api/alarms/${encodeURIComponent(alarmId)}/${what}`, body);
  set(alarmId, { ...outcome, undo: outcome.state === "done" ? UNDONE_BY[what] : undefined });
  return outcome.state === "done";
}

// One act on several alarms: {done, failed} in counts, or a refusal of all.
export async function actOnGroup(what, cards) {
  const versions = Object.fromEntries(cards.slice(0, 50).map(({ alarm }) => [alarm.id, alarm.version]));
  const outcome = await send(`api/groups/${what}`, { versions, command_id: commandId() });
  const results = Object.values(outcome.answer?.outcomes ?? {});
  const done = results.filter(({ outcome: one }) => one !== "refused" && one !== "sent").length;
  return { ...outcome, done, all: Object.keys(versions).length };
}

export const reportIncident = (site, note, priority) => send("api/incidents", { site, note, priority, command_id: commandId() });
export const setService = (device, inService, note) => send(`api/devices/${encodeURIComponent(device)}/service`, { in_service: inService, note, command_id: commandId() });

// {state: done | sent | refused | failed, say: key of a text, values, answer}
export async function send(path, body, method = "POST") {
  try {
    const answer = await fetch(path, { method, headers: { "Content-Type": "application/json", "X-Saola": "console" }, body: JSON.stringify(body) });
    const found = answer.status === 204 ? {} : await answer.json();
    if (answer.status === 200 || answer.status === 204) return { state: "done", say: "", answer: found };
    if (answer.status === 202) return { state: "sent", say: "action.sent", answer: found };
    return { state: answer.status === 409 ? "refused" : "failed", ...saidOf(found), answer: found };
  } catch {
    return { state: "failed", say: "action.failed" };
  }
}

const REFUSALS = new Set([
  "closed", "already_acknowledged", "rejected", "not_possible", "stale", "too_long", "needs_reason", "needs_assignee", "shelve_limit",
  "unknown_alarm", "unavailable", "sign_in", "not_yours", "malformed", "too_large", "bad_user", "name_taken", "unknown_user",
]);

function saidOf(found) {
  const who = found.alarm?.responded_by || found.alarm?.acknowledged_by || t("by.somebody");
  return { say: REFUSALS.has(found.code) ? `refused.${found.code}` : "action.failed", values: { who } };
}

// Not crypto.randomUUID: that needs a secure context, and a console behind plain HTTP in a closed network has none.
function commandId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function set(alarmId, state) {
  states.set(alarmId, { ...state, atMs: model.clockMs });
  for (const tell of listeners) tell();
}

export const saidBy = (state) => (state?.say ? t(state.say, state.values ?? {}) : "");

// An answer that came by the stream makes "sent" and old refusals stale.
export function settle(card) {
  const state = states.get(card.alarm.id);
  if (!state || state.state === "sending") return;
  const newest = card.timeline.at(-1)?.transition;
  if (state.state === "sent" && newest !== "refused") states.delete(card.alarm.id);
  if (state.undo && !card.acts.includes(state.undo)) states.delete(card.alarm.id);
}

export function forgetOldAnswers() {
  for (const [id, state] of states) if (state.state !== "sending" && state.state !== "sent" && ageOf(state.atMs ?? 0) > 120_000) states.delete(id);
}
