// A board: what is chosen stands in the address, the answers come with one request, and every panel is drawn from its question.

import { $, el } from "./dom.js";
import { chooseLanguage, clockTime, day, isSameDay, lang, learnCity } from "./i18n.js";
import { chooseTheme, remember, remembered } from "./memory.js";
import { drawPanel, fitPanels, forgetPanels } from "./boards_panel.js";

const EVERY_MS = 60_000;
const SPANS_H = [1, 6, 24, 48, 168, 720];
const root = new URL("../", location.href);
const name = decodeURIComponent(location.pathname.split("/").pop());
let board = null;

const word = (key) => board.words[key][lang()];
const said = (text) => text[lang()];

async function load() {
  const query = new URLSearchParams(location.search);
  const answer = await fetch(new URL(`api/boards/${encodeURIComponent(name)}?${query}`, root));
  if (answer.status === 401) return location.replace(new URL("login.html", root));
  if (!answer.ok) throw new Error(`board: ${answer.status}`);
  board = await answer.json();
  learnCity({ timezone: board.city.timezone, quantities: {} });
  draw();
}

async function refresh() {
  try {
    await load();
    $("#banner").hidden = true;
  } catch {
    $("#banner").hidden = false;
    $("#banner").textContent = board ? word("failed") : "Không tải được bảng · The board could not be loaded";
  }
}

function draw() {
  document.title = `${said(board.title)} · ${said(board.city)}`;
  $("#title").textContent = said(board.title);
  const today = isSameDay(board.to, Date.now()) ? "" : `${day(board.to)} `;
  $("#clock").textContent = today + clockTime(board.to);
  $("#desk").setAttribute("aria-label", word("desk"));
  $("#tabs").setAttribute("aria-label", word("boards"));
  drawTabs();
  drawChoices();
  press();
  forgetPanels();
  const cells = board.lines.flatMap((line) => line.cells.map((cell) => drawPanel(cell, line.height, board, link)));
  $("#board").replaceChildren(...cells);
  $("#board").setAttribute("aria-busy", "false");
  fitPanels();
}

// Choices of areas go along where they mean something.
function link(to, choice = {}) {
  const target = board.boards.find((one) => one.name === to);
  const query = new URLSearchParams(target.place === "area" && board.place === "area" ? location.search : "");
  if (query.has("hours")) query.delete("hours");
  for (const [key, value] of Object.entries(choice)) query.set(key, value);
  return `${encodeURIComponent(to)}${query.size ? `?${query}` : ""}`;
}

function drawTabs() {
  const tabs = board.boards.map((one) => el("a", { href: link(one.name), "aria-current": one.name === board.name ? "page" : null }, said(one.title).split(":")[0]));
  $("#tabs").replaceChildren(el("a", { href: root.pathname }, `← ${word("desk")}`), ...tabs);
  $("#tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

function drawChoices() {
  const selects = Object.entries(board.choices).map(([key, options]) => {
    const all = key === "device" ? [] : [el("option", { value: "" }, word("all"))];
    const given = options.map((one) => el("option", { value: one.id, selected: board.chosen[key].includes(one.id) }, said(one)));
    return labelled(key, word(key), [...all, ...given]);
  });
  const hours = Math.round((board.to - board.from) / 3_600_000);
  const spans = [...new Set([...SPANS_H, hours])].sort((a, b) => a - b);
  selects.push(labelled("hours", word("span"), spans.map((h) => el("option", { value: h, selected: h === hours }, long(h)))));
  $("#choices").replaceChildren(...selects);
}

function long(hours) {
  const [unit, value] = hours % 24 || hours < 48 ? ["hour", hours] : ["day", hours / 24];
  return new Intl.NumberFormat(lang(), { style: "unit", unit, unitDisplay: "long" }).format(value);
}

function labelled(key, text, options) {
  const select = el("select", { name: key }, ...options);
  select.addEventListener("change", () => choose(key, select.value));
  return el("label", {}, text, select);
}

function choose(key, value) {
  const query = new URLSearchParams(location.search);
  if (value) query.set(key, value);
  else query.delete(key);
  if (key === "area") query.delete("site");
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  refresh();
}

function press() {
  for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", String(button.dataset.lang === lang()));
  for (const button of document.querySelectorAll("[data-theme-to]")) {
    button.textContent = word(button.dataset.themeTo);
    button.setAttribute("aria-pressed", String(button.dataset.themeTo === document.documentElement.dataset.theme));
  }
  $("#langs").setAttribute("aria-label", word("lang"));
  $("#themes").setAttribute("aria-label", word("theme"));
}

function start() {
  chooseLanguage(remembered("lang") ?? (navigator.language.startsWith("vi") ? "vi" : "en"));
  chooseTheme(remembered("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day"));
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => {
      remember("lang", button.dataset.lang);
      chooseLanguage(button.dataset.lang);
      if (board) draw();
    });
  }
  for (const button of document.querySelectorAll("[data-theme-to]")) {
    button.addEventListener("click", () => {
      remember("theme", button.dataset.themeTo);
      chooseTheme(button.dataset.themeTo);
      if (board) draw();
    });
  }
  addEventListener("resize", fitPanels);
  setInterval(refresh, EVERY_MS);
  refresh();
}

start();
