// The map: corridors through their sites in order, cameras as squares, air stations as circles with their number. Tiles only where they are configured.

import { $, el } from "./dom.js";
import { age, named, t } from "./i18n.js";
import { ageOf, isRoad, model } from "./model.js";
import { load } from "./tables.js";
import { airFigure, airOf } from "./air_words.js";

const CURVE_STEPS = 10;

let map, home, choose, isFitted = false;
const lines = new Map(); // site id → [casing, line]
const markers = new Map(); // site id → marker
const areaLabels = [];
let ring = null;

// Tiles and layers lie under everything and come when they come; without them the map is complete.
async function drawGround() {
  const ground = await load("api/map");
  if (!ground) return;
  for (const layer of ground.layers) L.geoJSON(layer, { interactive: false, style: { className: "ground" }, pointToLayer: (_, at) => L.circleMarker(at, { radius: 2, className: "ground" }) }).addTo(map).bringToBack();
  if (!ground.tiles) return;
  L.tileLayer(ground.tiles, { minNativeZoom: ground.min_zoom, maxNativeZoom: ground.max_zoom, className: "tiles" }).addTo(map);
  if (!ground.attribution) return;
  const credit = new L.Control({ position: "topleft" }); // Leaflet's own takes markup; this is text
  credit.onAdd = () => el("span", { class: "credit" }, ground.attribution);
  credit.addTo(map);
}

export function startMap(onChoose) {
  choose = onChoose;
  map = L.map("map", { zoomControl: false, attributionControl: false, zoomSnap: 0.25, minZoom: 9, maxZoom: 18, keyboard: true });
  map.setView([10.98, 106.65], 12);
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  drawGround();
  const { sites } = model.city;
  for (const area of model.city.areas) drawCorridor(area);
  for (const site of sites) drawSite(site);
  if (sites.length) home = L.latLngBounds(sites.map((site) => [site.latitude, site.longitude])).pad(0.06);
  goHome(false);
  map.on("zoomend moveend", placeLabels);
  $("#zoom-in").addEventListener("click", () => map.zoomIn());
  $("#zoom-out").addEventListener("click", () => map.zoomOut());
  $("#zoom-home").addEventListener("click", () => goHome(true));
}

function goHome(animate) {
  isFitted = map.getSize().x > 0;
  const room = map.getSize().x;
  const padding = { paddingTopLeft: [Math.min(50, room * 0.08), 50], paddingBottomRight: [Math.min(110, room * 0.16), 90] };
  if (home && isFitted) map.fitBounds(home, { ...padding, maxZoom: 16, animate });
}

export function sizeChanged() {
  map.invalidateSize({ animate: false });
  if (!isFitted) goHome(false); // it was hidden so far
  placeLabels();
}

export function showSite(id) {
  const site = model.city.siteById[id];
  if (!site) return;
  const at = [site.latitude, site.longitude];
  ring?.remove();
  ring = L.circleMarker(at, { radius: 26, className: "here", interactive: false, fill: false }).addTo(map);
  if (!map.getBounds().pad(-0.1).contains(at)) map.panTo(at, { animate: !matchMedia("(prefers-reduced-motion: reduce)").matches });
}

export function hideRing() {
  ring?.remove();
  ring = null;
}

// Each site colours its half of the way to its neighbours, so a jam is drawn where it was seen.
function drawCorridor(area) {
  const hasRoad = (site) => model.city.devices.some((device) => device.site === site.id && isRoad(device));
  const sites = model.city.sites.filter((site) => site.area === area.id && hasRoad(site)).sort((a, b) => a.order - b.order);
  if (sites.length < 2 || new Set(sites.map((site) => site.order)).size < 2) return;
  const points = curve(extended(sites.map((site) => [site.latitude, site.longitude])));
  const half = CURVE_STEPS / 2;
  sites.forEach((site, i) => {
    const middle = (i + 1) * CURVE_STEPS;
    const piece = points.slice(middle - half, middle + half + 1);
    const casing = L.polyline(piece, { className: "casing", interactive: false, weight: 11 }).addTo(map);
    const line = L.polyline(piece, { className: "road", weight: 7 }).addTo(map);
    line.on("click", () => choose({ site: site.id }));
    lines.set(site.id, [casing, line]);
  });
  const [a, b] = [points[CURVE_STEPS], points[CURVE_STEPS * 2]];
  const text = el("span", { class: "area-label" }, el("bdi", {}, named(area)));
  L.marker([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], { icon: icon(text, "area-icon"), interactive: false, keyboard: false }).addTo(map).area = area;
  areaLabels.push({ text, at: L.latLng((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) });
}

// One more point at each end, so that a corridor goes on past its last site.
function extended(points) {
  const beyond = (a, b) => [a[0] + (a[0] - b[0]) * 0.6, a[1] + (a[1] - b[1]) * 0.6];
  return [beyond(points[0], points[1]), ...points, beyond(points.at(-1), points.at(-2))];
}

// Catmull-Rom through every point, `CURVE_STEPS` pieces between two.
function curve(p) {
  const out = [];
  for (let i = 0; i + 1 < p.length; i++) {
    const [a, b, c, d] = [p[Math.max(0, i - 1)], p[i], p[i + 1], p[Math.min(p.length - 1, i + 2)]];
    for (let k = 0; k < CURVE_STEPS; k++) out.push([0, 1].map((axis) => spline(a[axis], b[axis], c[axis], d[axis], k / CURVE_STEPS)));
  }
  out.push(p.at(-1));
  return out;
}

const spline = (a, b, c, d, s) => 0.5 * (2 * b + (c - a) * s + (2 * a - 5 * b + 4 * c - d) * s * s + (3 * b - a - 3 * c + d) * s * s * s);

const icon = (html, className) => L.divIcon({ html, className, iconSize: [0, 0] });

function drawSite(site) {
  const devices = model.city.devices.filter((device) => device.site === site.id);
  if (!devices.length) return;
  const box = el("div", { class: "site" });
  for (const device of devices.slice(0, 4)) box.append(el("span", { class: isRoad(device) ? "cam unknown" : "air band-0", "data-device": device.id }));
  box.append(el("span", { class: "site-label" }, el("bdi", {}, named(site))));
  const marker = L.marker([site.latitude, site.longitude], { icon: icon(box, "site-icon"), keyboard: true, riseOnHover: true });
  marker.on("click", () => choose({ site: site.id }));
  marker.addTo(map);
  markers.set(site.id, { marker, box });
}

export function drawMap() {
  for (const [id, { marker, box }] of markers) drawMarker(id, marker, box);
  for (const [id, [, line]] of lines) {
    const state = model.sites[id]?.road ?? "unknown";
    line.getElement()?.setAttribute("class", `road ${state} leaflet-interactive`);
  }
  placeLabels();
}

function drawMarker(id, marker, box) {
  const now = model.sites[id], site = model.city.siteById[id];
  if (!now) return;
  for (const device of now.devices) {
    const node = box.querySelector(`[data-device="${CSS.escape(device.id)}"]`);
    if (!node) continue;
    if (isRoad(device)) node.className = `cam ${device.state}`;
    else drawAir(node, device);
  }
  box.classList.toggle("calls", now.state === "jam" || now.state === "alarm");
  box.querySelector(".site-label").replaceChildren(el("bdi", {}, named(site)));
  const label = [named(site), ...now.devices.map(inWords)].join(" · ");
  marker.getElement()?.setAttribute("aria-label", label);
  marker.getElement()?.setAttribute("title", label);
}

function drawAir(node, device) {
  const { band, text } = airOf(device);
  node.className = `air band-${band || (device.state === "unknown" ? 0 : "none")} ${device.state === "alarm" ? "calls" : ""}`;
  node.textContent = text;
}

function inWords(device) {
  if (isRoad(device) || device.state === "unknown" || !device.band) return t(`state.${device.state}`);
  return `${airFigure(device)}, ${t(`band.${device.band}`)}, ${age(ageOf(device.at_ms))}`;
}

// Names where there is room: what calls comes first, then what is chosen, then the rest; a name that would cover another waits for the zoom.
function placeLabels() {
  const bounds = map.getSize();
  if (!bounds.x) return;
  const taken = [...markers.values()].map(({ marker, box }) => iconBox(marker, box));
  const order = [...markers.values()].sort((a, b) => Number(b.box.classList.contains("calls")) - Number(a.box.classList.contains("calls")));
  for (const { marker, box } of order) {
    const label = box.querySelector(".site-label");
    const free = sides(marker, box, label).find(([, rect]) => rect.right < bounds.x && rect.left > 0 && !taken.some((other) => overlap(rect, other)));
    label.className = `site-label ${free ? free[0] : "crowded"}`;
    if (free) taken.push(free[1]);
  }
  for (const { text, at } of areaLabels) {
    const p = map.latLngToContainerPoint(at);
    const rect = { left: p.x + 14, right: p.x + 14 + text.offsetWidth, top: p.y + 4, bottom: p.y + 22 };
    text.classList.toggle("crowded", taken.some((other) => overlap(rect, other)));
  }
}

function iconBox(marker, box) {
  const at = map.latLngToContainerPoint(marker.getLatLng());
  const half = [...box.children].slice(0, -1).reduce((sum, node) => sum + node.offsetWidth + 3, 0) / 2;
  const rim = box.classList.contains("calls") ? 6 : 1;
  return { left: at.x - half - rim, right: at.x + half + rim, top: at.y - 12, bottom: at.y + 12 };
}

function sides(marker, box, label) {
  const icon = iconBox(marker, box), at = map.latLngToContainerPoint(marker.getLatLng());
  const [w, h] = [label.offsetWidth, 15];
  const beside = { top: at.y - h / 2, bottom: at.y + h / 2 }, middle = { left: at.x - w / 2, right: at.x + w / 2 };
  return [
    ["to-right", { ...beside, left: icon.right + 4, right: icon.right + 4 + w }],
    ["to-left", { ...beside, left: icon.left - 4 - w, right: icon.left - 4 }],
    ["below", { ...middle, top: at.y + 13, bottom: at.y + 13 + h }],
    ["above", { ...middle, top: at.y - 13 - h, bottom: at.y - 13 }],
  ];
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

export function translateMap() {
  map.eachLayer((layer) => {
    if (layer.area) layer.getElement().querySelector("bdi").textContent = named(layer.area);
  });
}
