// Who has an account: for administrators. A new password is shown once and kept nowhere.

import { $, el, name } from "./dom.js";
import { named, t } from "./i18n.js";
import { model } from "./model.js";
import { saidBy, send } from "./act.js";
import { person } from "./person.js";
import { failed, load, loading, pageHead, table } from "./tables.js";

const ROLES = ["viewer", "traffic", "environment", "supervisor", "admin"];
let told = null; // [name, password] that was just made

export async function show(node) {
  node.replaceChildren(pageHead(t("users.title"), t("users.detail")), loading());
  const [found, lifecycle, rules] = await Promise.all([load("api/users"), load("api/lifecycle"), load("api/rules")]);
  if ($("#app").dataset.view !== "users") return;
  if (!found) return node.replaceChildren(pageHead(t("users.title"), t("users.detail")), failed());
  const columns = [[t("users.name"), "first"], [t("users.role"), ""], [t("users.places"), "wide-cell"], [t("users.active"), ""], [t("users.password"), "num"]];
  node.replaceChildren(
    pageHead(t("users.title"), t("users.detail")),
    ...(told ? [el("p", { class: "flood", role: "status" }, t("users.made", { name: told[0] }), " ", el("code", {}, told[1]))] : []),
    el("p", { class: "said s", role: "status", id: "users-said" }),
    el("section", { class: "panel" }, table(t("users.title"), columns, found.users.map((user) => row(node, user)))),
    form(node),
    places(),
    ...(rules ? [judged(rules)] : []),
    ...(lifecycle ? [acts(lifecycle)] : []),
  );
  told = null;
}

function row(node, user) {
  const role = el("select", { "aria-label": `${t("users.role")}: ${user.name}` }, ...options(user.role));
  role.addEventListener("change", () => change(node, user.name, { role: role.value }));
  const own = user.name === person.name;
  role.disabled = own;
  const places = [...user.areas, ...user.owners];
  return {
    "data-user": user.name,
    cells: [
      el("b", {}, name(user.name)), role, places.length ? places.join(", ") : t("users.everywhere"),
      el("button", { type: "button", class: "btn small", disabled: own, onclick: () => change(node, user.name, { active: !user.active }) }, t(user.active ? "users.shut" : "users.open")),
      el("button", { type: "button", class: "btn small", disabled: own, onclick: () => change(node, user.name, { new_password: true }) }, t("users.new.password")),
    ],
  };
}

const options = (chosen) => ROLES.map((role) => el("option", { value: role, selected: role === chosen }, t(`role.${role}`)));

async function change(node, user, what) {
  await sent(node, await send(`api/users/${encodeURIComponent(user)}`, what, "PATCH"));
}

async function sent(node, outcome) {
  if (outcome.state !== "done") return void ($("#users-said").textContent = outcome.answer?.detail ? `${saidBy(outcome)} ${outcome.answer.detail}` : saidBy(outcome));
  told = outcome.answer.password ? [outcome.answer.name, outcome.answer.password] : null;
  await show(node);
}

function form(node) {
  const user = el("input", { required: true, maxlength: "63", autocomplete: "off", autocapitalize: "none" });
  const role = el("select", {}, ...options("viewer"));
  const area = el("select", {}, el("option", { value: "" }, t("users.everywhere")), ...model.city.areas.map((one) => el("option", { value: one.id }, named(one))));
  const made = el("form", { class: "filters panel pad" }, el("label", {}, t("users.name"), user), el("label", {}, t("users.role"), role), el("label", {}, t("users.places"), area), el("button", { type: "submit", class: "btn primary" }, t("users.add")));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    await sent(node, await send("api/users", { name: user.value, role: role.value, areas: area.value ? [area.value] : [] }));
  });
  return made;
}

// The table that the engine and the buttons follow, to be read only.
function acts({ acts: rows }) {
  const words = (states) => states.map((state) => t(`state.of.${state}`)).join(", ") || "–";
  const columns = [[t("users.act"), "first"], [t("users.from"), ""], [t("users.to"), ""]];
  return el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h3", {}, t("users.rules")), el("span", { class: "dim s" }, "city_model/lifecycle.toml")), table(t("users.rules"), columns, rows.map((one) => ({ class: "", cells: [t(`act.${one.act}`), words(one.from), one.to ? words([one.to]) : "–"] }))));
}

const readOnly = (title, origin, columns, rows) => el("section", { class: "panel" }, el("div", { class: "panel-head" }, el("h3", {}, title), el("span", { class: "dim s" }, origin)), table(title, columns, rows));

// Areas and sites come from the registry, which is a file: here they are only read.
function places() {
  const columns = [[t("users.site"), "first"], [t("history.area"), ""], [t("users.devices"), "wide-cell"]];
  const { areas, sites, devices } = model.city;
  const area = Object.fromEntries(areas.map((one) => [one.id, named(one)]));
  const rows = sites.map((site) => ({ "data-site": site.id, cells: [el("b", {}, name(named(site))), name(area[site.area] ?? site.area), devices.filter((one) => one.site === site.id).map((one) => one.id).join(", ") || "–"] }));
  return readOnly(t("users.sites"), "city.toml", columns, rows);
}

// What the engine judges by, as its workers say it themselves; what differs from the defaults stands out.
function judged({ rules, agree }) {
  const columns = [[t("users.rule"), "first"], [t("history.kind"), ""], [t("history.priority"), ""], [t("users.settings"), "wide-cell"]];
  const one = (setting) => el("span", {}, el(setting.origin === "default" ? "span" : "b", {}, `${setting.name} = ${setting.value}`), setting.origin === "default" ? "" : el("span", { class: "dim s" }, ` ${setting.origin}`));
  const rows = rules.map((rule) => ({ "data-rule": rule.name, cells: [el("span", {}, el("b", {}, rule.name), el("span", { class: "dim s" }, ` ${rule.version}`)), t(`kind.of.${rule.kind}`), t(`priority.${rule.priority}`), rule.settings.length ? el("details", {}, el("summary", {}, t("users.settings.n", { n: rule.settings.length, changed: rule.settings.filter(({ origin }) => origin !== "default").length })), el("span", { class: "lines s" }, ...rule.settings.map(one))) : "–"] }));
  return readOnly(t("users.judged"), agree ? t("users.judged.origin") : t("users.judged.differ"), columns, rows);
}
