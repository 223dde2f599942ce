// The roads, for the traffic desk: every corridor with its places in order, each direction's speed, flow and how much of the road is taken.

import { el, name } from "./dom.js";
import { age, named, number, parts, percent, quantityName, t, unitOf } from "./i18n.js";
import { ageOf, isRoad, model } from "./model.js";
import { meter, nothing, pageHead, table } from "./tables.js";

let shown = "";

export function show(node) {
  shown = signature();
  const areas = model.city.areas.map((area) => [area, rowsOf(area)]).filter(([, rows]) => rows.length);
  const scroll = node.scrollTop;
  const all = areas.flatMap(([, rows]) => rows);
  const known = all.filter((row) => row.now.state !== "unknown").length;
  const detail = t("traffic.detail", { known: number(known), total: number(all.length), jams: number(all.filter((row) => row.now.state === "jam").length) });
  node.replaceChildren(pageHead(t("traffic.title"), detail), ...(areas.length ? areas.map(([area, rows]) => corridor(area, rows)) : [nothing(t("traffic.none"))]));
  node.scrollTop = scroll;
}

export function tick(node) {
  if (signature() !== shown) show(node);
}

const signature = () => JSON.stringify([model.link, model.lostSinceMs !== null, Math.floor((model.clockMs ?? 0) / 5_000)]);

function rowsOf(area) {
  const sites = model.city.sites.filter((site) => site.area === area.id).sort((a, b) => a.order - b.order);
  return sites.flatMap((site) => (model.sites[site.id]?.devices ?? []).filter(isRoad).flatMap((device) => device.directions.map((now) => ({ site, device, now, direction: directionOf(device.id, now.id) }))));
}

const directionOf = (device, id) => model.city.deviceById[device]?.directions.find((one) => one.id === id) ?? { id };

function corridor(area, rows) {
  const speeds = rows.filter(({ now }) => now.state !== "unknown" && "speed_kmh" in now.values).map(({ now }) => now.values.speed_kmh);
  const mean = speeds.length ? number(speeds.reduce((sum, one) => sum + one, 0) / speeds.length) : null;
  const directions = [...new Set(rows.map(({ now }) => now.id))];
  const columns = [[t("traffic.place"), "first"], [t("traffic.state"), ""], [quantityName("speed_kmh"), "num"], [t("traffic.occupancy"), "bar-cell"], [quantityName("flow_pcu_h"), "num"], [t("traffic.seen"), "num dim"]];
  return el(
    "section", { class: "panel" },
    el("div", { class: "panel-head" }, el("h3", {}, name(named(area))), el("span", { class: "figure-line" }, mean === null ? el("i", { class: "hatch" }) : el("b", {}, mean), " km/h ", el("span", { class: "dim s" }, t("traffic.mean", { n: number(speeds.length) })))),
    el("div", { class: "ribbons" }, ...directions.map((id) => ribbon(rows.filter(({ now }) => now.id === id)))),
    table(named(area), columns, rows.map(row), "roads"),
  );
}

// The corridor as a line: one piece a place, in order.
function ribbon(rows) {
  const words = rows.map(({ site, now }) => `${named(site)}: ${t(`state.${now.state}`)}`).join("; ");
  return el("div", { class: "ribbon" }, el("span", { class: "s dim" }, name(named(rows[0].direction))), el("span", { class: "pieces", role: "img", "aria-label": words }, ...rows.map(({ now }) => el("i", { class: now.state }))));
}

function row({ site, device, now, direction }) {
  const known = now.state !== "unknown";
  const value = (quantity) => {
    if (!known || !(quantity in now.values)) return el("span", { class: "unknown" }, el("i", { class: "hatch" }), "–");
    const [figure, unit] = parts(now.values[quantity], unitOf(quantity));
    return el("span", {}, el("b", {}, figure), el("small", {}, ` ${unit}`));
  };
  const occupancy = now.values.area_occupancy;
  return {
    class: now.state === "jam" ? "calls" : "", "data-row": `${device.id}/${now.id}`,
    cells: [
      el("a", { href: `#/places/${encodeURIComponent(site.id)}` }, el("b", {}, name(named(site))), el("span", { class: "dim s" }, " ", name(named(direction)))),
      el("span", { class: `state ${now.state}` }, el("i", { class: known ? `sw ${now.state}` : "hatch" }), t(`state.${now.state}`)),
      value("speed_kmh"),
      known && occupancy !== undefined ? el("span", {}, meter(occupancy), el("span", {}, percent(occupancy))) : value("area_occupancy"),
      value("flow_pcu_h"),
      now.at_ms === null ? t("site.never") : age(ageOf(now.at_ms)),
    ],
  };
}
