// A whole cause taken at once: every alarm of a group that nobody has answered yet.

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { actOnGroup, saidBy } from "./act.js";
import { person } from "./person.js";

export function takeGroupButton(cards) {
  const open = cards.filter((card) => card.acts.includes("acknowledge") && card.group === "needs");
  if (open.length < 2 || !person.may_respond) return "";
  const button = el("button", { type: "button", class: "btn small", "data-act": "acknowledge-group", onclick: take }, t("group.take", { n: String(open.length) }));
  async function take() {
    button.disabled = true;
    button.textContent = t("action.sending");
    const outcome = await actOnGroup("acknowledge", open);
    button.disabled = false;
    button.textContent = outcome.state === "done" ? t("group.taken", { done: String(outcome.done), all: String(outcome.all) }) : saidBy(outcome);
  }
  return button;
}
