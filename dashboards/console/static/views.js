// Which page is shown: the part of the address after #. `#/now`, `#/now/<alarm>`, `#/air/<station>`, ...

import { $ } from "./dom.js";
import * as air from "./air.js";
import * as traffic from "./traffic.js";
import * as devices from "./devices.js";
import * as figures from "./figures.js";
import * as handover from "./handover.js";
import * as past from "./past.js";
import * as moment from "./moment.js";
import * as audit from "./audit.js";
import * as users from "./users.js";
import * as more from "./more.js";

// Pages of their own; the others are parts of the desk (queue, map, why). Each has `show(node, argument)`, and `tick(node)` if it is live.
const PAGES = { air, traffic, devices, kpis: figures, handover, history: past, moment, audit, users, more };
const DESK = ["now", "map", "places", "health"];

let onView = () => {};

export const view = { name: "now", argument: "" };
export const isPage = () => view.name in PAGES;

export function startViews(onChange) {
  onView = onChange;
  addEventListener("hashchange", showAddress);
  showAddress();
}

export function go(name, argument = "") {
  const wanted = `#/${name}${argument ? `/${encodeURIComponent(argument)}` : ""}`;
  if (location.hash !== wanted) location.hash = wanted;
}

// The same address with another argument, without a step in the history of the browser.
export function stay(name, argument = "") {
  history.replaceState(null, "", `#/${name}${argument ? `/${encodeURIComponent(argument)}` : ""}`);
  view.argument = argument;
}

function showAddress() {
  const [, name = "now", argument = ""] = location.hash.split("/");
  view.name = name in PAGES || DESK.includes(name) ? name : "now";
  view.argument = decoded(argument);
  $("#app").dataset.view = view.name;
  $("#app").classList.toggle("paged", isPage());
  for (const link of document.querySelectorAll("[data-view-to]")) {
    if (link.dataset.viewTo === view.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  showPage();
  onView();
}

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
};

export function showPage() {
  const node = $("#page");
  if (!isPage()) return node.replaceChildren();
  if (node.dataset.shown !== view.name) node.scrollTop = 0;
  node.dataset.shown = view.name;
  PAGES[view.name].show(node, view.argument);
}

export function tickPage() {
  if (isPage()) PAGES[view.name].tick?.($("#page"), view.argument);
}
