// Every place in words: the same as the map, for whoever does not see or use it.

import { $, el, name } from "./dom.js";
import { age, lang, measured, named, t } from "./i18n.js";
import { ageOf, isRoad, model } from "./model.js";
import { airFigure } from "./air_words.js";

const ORDER = ["jam", "alarm", "slow", "unknown", "free", "ok"];
let choose = () => {};
let shown = "";

export function startPlaces(onChoose) {
  choose = onChoose;
}

export function drawPlaces() {
  const signature = JSON.stringify([lang(), model.chosen, model.sites, Math.floor((model.clockMs ?? 0) / 5000)]);
  if (signature === shown) return;
  shown = signature;
  const focused = document.activeElement?.dataset?.place;
  const nodes = [...section("camera", t("places.cameras")), ...section("loop", t("places.loops")), ...section("air", t("places.air"))];
  $("#places").replaceChildren(...(nodes.length ? nodes : [el("div", { class: "empty" }, el("b", {}, t("places.none")))]));
  if (focused) $("#places").querySelector(`[data-place="${CSS.escape(focused)}"]`)?.focus();
}

function section(kind, title) {
  const rows = model.city.sites.flatMap((site) => (model.sites[site.id]?.devices ?? []).filter((d) => d.kind === kind).map((device) => [site, device]));
  if (!rows.length) return [];
  rows.sort(([a, x], [b, y]) => ORDER.indexOf(x.state) - ORDER.indexOf(y.state) || named(a).localeCompare(named(b), lang()));
  return [el("h2", {}, title, el("span", { class: "chip" }, String(rows.length))), ...rows.map(([site, device]) => place(site, device))];
}

function place(site, device) {
  const chosen = model.chosen?.site === site.id;
  const figure = isRoad(device) ? roadFigure(device) : airFigure(device);
  return el(
    "button",
    { type: "button", class: "place", "data-place": device.id, "aria-current": chosen ? "true" : undefined, onclick: () => choose({ site: site.id }) },
    swatch(device),
    el("b", {}, name(named(site))),
    el("span", { class: "figure" }, figure),
    el("span", { class: "dim s" }, device.kind === "air" && device.band ? t(`band.${device.band}`) : t(`state.${device.state}`)),
    el("span", { class: "faint s at" }, device.at_ms === null ? t("site.never") : age(ageOf(device.at_ms))),
  );
}

function swatch(device) {
  if (device.state === "unknown") return el("i", { class: "hatch" });
  return isRoad(device) ? el("i", { class: `sw ${device.state}` }) : el("i", { class: `dot-air band-${device.band}` });
}

function roadFigure(device) {
  const speeds = device.directions.filter((d) => d.state !== "unknown" && "speed_kmh" in d.values).map((d) => d.values.speed_kmh);
  return speeds.length ? measured(Math.min(...speeds), "km/h") : "–";
}


