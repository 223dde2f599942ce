// What the page knows: the registry, the newest of everything, what is chosen. Ranking is the server's, repeated for live changes.

const GROUPS = ["needs", "handled", "maintenance", "hidden", "returned"];
const PRIORITIES = ["high", "medium", "low"];

export const model = {
  city: null,
  clockMs: null,
  link: "waiting",
  sites: {},
  quality: null,
  cards: new Map(),
  chosen: null, // {alarm: id} or {site: id}
  lostSinceMs: null,
};

export function learnRegistry(city) {
  model.city = city;
  city.siteById = Object.fromEntries(city.sites.map((site) => [site.id, site]));
  city.deviceById = Object.fromEntries(city.devices.map((device) => [device.id, device]));
}

export function takeSnapshot(snapshot) {
  takeChanges(snapshot);
  model.cards = new Map(snapshot.alarms.map((card) => [card.alarm.id, card]));
}

export function takeChanges(changes) {
  model.clockMs = changes.clock_ms;
  model.link = changes.link;
  model.quality = changes.quality;
  Object.assign(model.sites, changes.sites);
}

// The line is cut: what was true then is not known now. Coming back, the server sends every site again.
export function forgetSites() {
  const unknown = (thing) => ({ ...thing, state: "unknown" });
  for (const [id, site] of Object.entries(model.sites)) {
    const devices = site.devices.map((device) => ({ ...unknown(device), band: 0, directions: device.directions.map(unknown) }));
    model.sites[id] = { ...unknown(site), road: site.road && "unknown", devices };
  }
  const none = (share) => ({ ...share, known: 0 });
  if (model.quality) model.quality = { ...model.quality, cameras: none(model.quality.cameras), stations: none(model.quality.stations), latency_ms: null };
}

export function takeCard(card) {
  const known = model.cards.get(card.alarm.id);
  const isOlder = known && (known.alarm.version > card.alarm.version || known.timeline.length > card.timeline.length);
  if (!isOlder) model.cards.set(card.alarm.id, card);
  return !known;
}

export function ranked() {
  return [...model.cards.values()].sort((a, b) => compare(rank(a), rank(b)));
}

function rank(card) {
  const { alarm, group } = card;
  const priority = group === "returned" ? 0 : PRIORITIES.indexOf(alarm.priority);
  return [GROUPS.indexOf(group), priority, -(alarm.cleared_ms ?? alarm.opened_ms), alarm.id];
}

function compare(a, b) {
  const i = a.findIndex((value, k) => value !== b[k]);
  return i < 0 ? 0 : a[i] < b[i] ? -1 : 1;
}

// Alarms of one cause: the same `group`, as long as somebody may still have to do with them.
export function groupOf(id) {
  if (!id) return [];
  return ranked().filter(({ alarm, group }) => alarm.group === id && group !== "returned");
}

const FLOOD_ABOVE = 10, FLOOD_MS = 600_000; // EEMUA 191: more than ten in ten minutes is a flood

// More has come than one person can look at one by one: then causes are shown instead of alarms.
export function isFlood() {
  if (model.clockMs === null) return false;
  const fresh = [...model.cards.values()].filter(({ alarm }) => alarm.kind !== "maintenance" && alarm.display !== "suppressed" && model.clockMs - alarm.opened_ms < FLOOD_MS);
  return fresh.length > FLOOD_ABOVE;
}

export const ageOf = (atMs) => (model.clockMs === null ? 0 : Math.max(0, model.clockMs - atMs));

// Cameras and loops tell of a road; of a loop the one direction has no name.
export const isRoad = (device) => device.kind === "camera" || device.kind === "loop";

// The newest figures of the direction or station an alarm is about, or null when they are not fresh.
export function liveOf(alarm) {
  const seen = model.sites[alarm.site]?.devices.find((device) => device.id === alarm.device);
  if (!seen) return null;
  if (seen.kind === "camera") {
    const direction = seen.directions.find((d) => `${seen.id}/${d.id}` === alarm.subject);
    return direction && direction.state !== "unknown" ? { atMs: direction.at_ms, values: direction.values } : null;
  }
  if (seen.state === "unknown") return null;
  const quantity = alarm.subject.slice(alarm.device.length + 1) || "speed_kmh";
  const point = seen.values[quantity];
  return point ? { atMs: point[1], values: { [quantity]: point[0] } } : null;
}
