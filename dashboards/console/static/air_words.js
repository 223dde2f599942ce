// The air in words: band, what drives the index, what to do. Bands and advice after Decision 1459/QĐ-TCMT.

import { el } from "./dom.js";
import { measured, number, t } from "./i18n.js";

export const POLLUTANTS = ["pm25", "pm10", "o3", "no2", "so2", "co"];
export const BAND_ENDS = [50, 100, 150, 200, 300, 500];
export const bandOf = (index) => 1 + BAND_ENDS.slice(0, -1).filter((end) => index > end).length;

// The index of a station, or the newest PM2.5 where there is no index, or that nothing is known.
export function airOf(device) {
  const v = device.values;
  const complete = v.vn_aqi_completeness?.[0];
  if (!device.band) return { band: 0, text: "–", driver: "", complete, atMs: device.at_ms, isIndex: false };
  if (!device.by_index) return { band: device.band, text: number(v.pm25[0]), driver: shortName("pm25"), complete, atMs: v.pm25[1], isIndex: false };
  const dominant = POLLUTANTS[v.vn_aqi_dominant?.[0]];
  return { band: device.band, text: number(v.vn_aqi[0]), driver: dominant ? shortName(dominant) : "", complete, atMs: v.vn_aqi[1], isIndex: true };
}

export const shortName = (pollutant) => ({ pm25: t("pollutant.pm25"), pm10: "PM10", o3: "O₃", no2: "NO₂", so2: "SO₂", co: "CO" })[pollutant] ?? pollutant;

// Round with a dark rim, the number in it; unknown is hatched.
export const aqiBadge = ({ band, text }, classes = "") => el("span", { class: `aqi band-${band} ${classes}` }, text);

export const adviceOf = (band) => [t(`advice.${band}`), band > 1 ? t(`advice.sensitive.${band}`) : ""];

// The figure with what it is: "VN_AQI 122", else "PM2,5 19 µg/m³".
export function airFigure(device) {
  const air = airOf(device);
  if (!air.band) return "–";
  return air.isIndex ? `VN_AQI\u00a0${air.text}` : `${shortName("pm25")}\u00a0${measured(device.values.pm25[0], "ug/m3")}`;
}
