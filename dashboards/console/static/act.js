// What an operator does. The engine decides; this only asks, and says what came of it.

import { model } from "./model.js";

const states = new Map(); // alarm id → {state, say}
let changed = () => {};

export function startActs(onChange) {
  changed = onChange;
}

export const stateOf = (alarmId) => states.get(alarmId);

export async function acknowledge(alarmId) {
  const card = model.cards.get(alarmId);
  if (!card || card.alarm.response !== "new" || states.get(alarmId)?.state === "sending") return;
  set(alarmId, "sending", "");
  try {
    set(alarmId, ...(await ask(alarmId, card.alarm.version)));
  } catch {
    set(alarmId, "failed", "action.failed");
  }
}

async function ask(alarmId, version) {
  const answer = await fetch(`api/alarms/${encodeURIComponent(alarmId)}/acknowledge`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Saola": "console" },
    body: JSON.stringify({ version, command_id: commandId() }),
  });
  if (answer.status === 200) return ["done", ""];
  if (answer.status === 202) return ["sent", "action.sent"];
  if (answer.status === 409) {
    const { alarm } = await answer.json();
    return ["refused", alarm.response === "acknowledged" ? "action.refused.first" : "action.refused.changed"];
  }
  return ["failed", "action.failed"];
}

// Not crypto.randomUUID: that needs a secure context, and a console behind plain HTTP in a closed network has none.
function commandId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function set(alarmId, state, say) {
  states.set(alarmId, { state, say });
  changed();
}

// An answer that came by the stream makes "sent" stale.
export function settle(card) {
  if (card.alarm.response === "acknowledged" && states.get(card.alarm.id)?.state === "sent") states.delete(card.alarm.id);
}
