// Two languages: texts from catalogues, numbers and times as the reader writes them, times in the city's zone.

const LANGUAGES = ["vi", "en"];
const LOCALES = { vi: "vi-VN", en: "en-GB" };
const UNITS = { "ug/m3": "µg/m³", Cel: "°C", "%RH": "%", deg: "°", hPa: "hPa" };

const catalogues = {};
let language = "vi";
let zone = "Asia/Ho_Chi_Minh";
let quantities = {};

export async function loadLanguages() {
  const loaded = await Promise.all(LANGUAGES.map((lang) => fetch(`${lang}.json`).then((answer) => answer.json())));
  LANGUAGES.forEach((lang, i) => (catalogues[lang] = loaded[i]));
}

export function chooseLanguage(lang) {
  language = LANGUAGES.includes(lang) ? lang : "en";
  document.documentElement.lang = language;
}

export function learnCity(city) {
  zone = city.timezone;
  quantities = city.quantities;
}

export const lang = () => language;
export const has = (key) => key in (catalogues[language] ?? {});

export function t(key, values = {}) {
  const text = catalogues[language]?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, word) => (word in values ? values[word] : whole));
}

export function translatePage() {
  for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of document.querySelectorAll("[data-i18n-label]")) node.setAttribute("aria-label", t(node.dataset.i18nLabel));
}

// The registry's names: the reader's language, else the other, else the id.
export const named = (thing) => thing[language] || thing.vi || thing.en || thing.id;

export function number(value, digits = 0) {
  return new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: digits }).format(value);
}

export function percent(ratio) {
  const text = number(ratio * 100);
  return language === "vi" ? `${text}\u00a0%` : `${text}%`;
}

const digitsFor = (value) => (Math.abs(value) < 10 ? 1 : 0);

// [number, unit] of a value, for markup that sets the unit smaller.
export function parts(value, unit) {
  if (unit === "/") return [number(value * 100), "%"];
  const word = has(`unit.${unit}`) ? t(`unit.${unit}`) : UNITS[unit] ?? unit;
  return [number(value, digitsFor(value)), word];
}

export const measured = (value, unit) => parts(value, unit).join("\u00a0");

export function quantityName(quantity) {
  return quantities[quantity] ? quantities[quantity][language] : has(`quantity.${quantity}`) ? t(`quantity.${quantity}`) : quantity;
}

export function unitOf(quantity) {
  return quantities[quantity]?.unit ?? { speed_px_s: "px/s", confidence: "/" }[quantity] ?? "";
}

const timeFormats = {};
function format(options) {
  const key = `${language} ${zone} ${JSON.stringify(options)}`;
  timeFormats[key] ??= new Intl.DateTimeFormat(LOCALES[language], { timeZone: zone, hourCycle: "h23", ...options });
  return timeFormats[key];
}

export const clockTime = (atMs) => format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(atMs);
export const shortTime = (atMs) => format({ hour: "2-digit", minute: "2-digit" }).format(atMs);
export const day = (atMs) => format({ day: "2-digit", month: "2-digit", year: "numeric" }).format(atMs);
export const isSameDay = (a, b) => day(a) === day(b);

// A time, with its date where that is not the date of `nowMs`.
export function when(atMs, nowMs) {
  return nowMs === null || isSameDay(atMs, nowMs) ? shortTime(atMs) : `${shortTime(atMs)} ${day(atMs)}`;
}

const SPANS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000]];

// A length of time in the largest unit that is not too coarse for it: "90 phút", "2 giờ".
export function span(ms) {
  const [unit, size] = SPANS.find(([, size]) => ms >= size * 2 || (ms >= size && ms % size === 0)) ?? SPANS[3];
  return inUnit(Math.max(0, Math.round(ms / size)), unit);
}

// An averaging window, in hours as regulations name it.
export const hours = (seconds) => inUnit(seconds / 3600, "hour");

function inUnit(value, unit) {
  const options = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(LOCALES[language], options).format(value).replace(" ", "\u00a0");
}

// How old, in words; "just now" below two seconds.
export function age(ms) {
  return ms < 2000 ? t("age.now") : t("age.ago", { span: span(ms) });
}

// The city's wall clock as <input type="datetime-local"> takes it, and back.
export function inZone(ms) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).format(ms).replace(" ", "T");
}

export function fromZone(text) {
  const asUtc = Date.parse(`${text}Z`);
  const offset = Date.parse(`${inZone(asUtc)}Z`) - asUtc;
  return asUtc - offset;
}
