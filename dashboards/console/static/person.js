// Who is signed in. Without a session this goes to the login page.

import { $ } from "./dom.js";
import { t } from "./i18n.js";

export const person = { name: "", role: "viewer", may_respond: false, login: false };

// False when the browser is on its way to the login page.
export async function signIn() {
  const answer = await fetch("api/session");
  if (answer.status === 401) {
    location.replace("login.html");
    return false;
  }
  Object.assign(person, await answer.json());
  return true;
}

export async function startPerson() {
  if (!(await signIn())) return false;
  const button = $("#leave");
  button.hidden = !person.login;
  button.addEventListener("click", leave);
  drawPerson();
  return true;
}

export const mayAudit = () => person.login && ["supervisor", "admin"].includes(person.role);

export function drawPerson() {
  $("#person").textContent = person.login ? `${person.name} · ${t(`role.${person.role}`)}` : "";
}

export async function leave() {
  await fetch("api/session", { method: "DELETE", headers: { "X-Saola": "console" } });
  location.replace("login.html");
}
