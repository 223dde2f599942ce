// On a phone: the pages that have no place in the bar below, the system's health, what this browser remembers, and the way out.

import { $, el } from "./dom.js";
import { t } from "./i18n.js";
import { leave, mayAudit, person } from "./person.js";
import { askIncident } from "./dialogs.js";
import { openSettings } from "./settings.js";
import { pageHead } from "./tables.js";

const PAGES = ["health", "places", "devices", "kpis", "handover", "history"];

export function show(node) {
  const pages = [...PAGES, ...(mayAudit() ? ["audit"] : []), ...(person.role === "admin" && person.login ? ["users"] : [])];
  const who = person.login ? `${person.name} · ${t(`role.${person.role}`)}` : "";
  const button = (text, onclick) => el("button", { type: "button", class: "more-row", onclick }, text);
  node.replaceChildren(
    pageHead(t("nav.more"), who),
    el("nav", { class: "more-list", "aria-label": t("nav.more") },
      ...pages.map((page) => el("a", { class: "more-row", href: `#/${page}` }, t(`nav.${page}`), page === "health" && !$("#health-badge").hidden ? el("span", { class: "chip medium" }, "!") : null)),
      person.may_respond ? button(t("incident.report"), askIncident) : null,
      button(t("settings.open"), openSettings),
      el("a", { class: "more-row", href: "boards/city" }, t("nav.boards")),
      el("a", { class: "more-row", href: "wall.html" }, t("more.wall")),
      el("a", { class: "more-row", href: "public.html" }, t("more.public")),
      person.login ? button(t("login.leave"), leave) : null),
  );
}
