// Series as pictures: one chart for a panel (uPlot), and the small line on a card. A gap in the data is a gap in the line.

import { svg, el } from "./dom.js";
import { measured, number, quantityName, shortTime, span, t, unitOf } from "./i18n.js";
import { model } from "./model.js";

const MINUTE_MS = 60_000;
const SPARK_SPAN_MS = 60 * MINUTE_MS;
const SPARK_KEEP_MS = 30_000; // by the viewer's own clock
const MOST_SPARKS = 16;

export async function fetchSeries(series, fromMs, toMs, widthS) {
  const query = new URLSearchParams({ series, from: Math.max(0, Math.floor(fromMs)), to: Math.ceil(toMs), width_s: widthS });
  const answer = await fetch(`api/series?${query}`);
  if (!answer.ok) throw new Error(`series: ${answer.status}`);
  return answer.json();
}

// Whole minutes, so that a chart has at most about 240 points.
export const widthFor = (spanMs) => Math.max(60, Math.ceil(spanMs / 240 / MINUTE_MS) * 60);

// Inserts null wherever three buckets or more are missing: what was not seen is not drawn.
function withGaps(found) {
  const most = found.width_s * 1000 * 3;
  const x = [], y = [];
  found.at_ms.forEach((at, i) => {
    if (i && at - found.at_ms[i - 1] > most) {
      x.push((found.at_ms[i - 1] + 1) / 1000);
      y.push(null);
    }
    x.push(at / 1000);
    y.push(found.value[i]);
  });
  return [x, y];
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  // `marks`: {threshold, onsetMs, endMs} in the series' own unit and time; all may be missing.
  constructor(series, quantity) {
    this.series = series;
    this.quantity = quantity;
    this.factor = unitOf(quantity) === "/" ? 100 : 1;
    this.node = el("div", { class: "chart", role: "img" });
    this.note = el("p", { class: "chart-note dim s", hidden: true });
    this.caption = el("p", { class: "caption faint xs" });
    this.box = el("div", {}, this.node, this.note, this.caption);
    this.plot = null;
    this.marks = {};
    this.asked = 0;
  }

  async load(fromMs, toMs, marks = {}) {
    this.marks = marks;
    this.range = [fromMs / 1000, toMs / 1000];
    const asked = ++this.asked;
    try {
      const found = await fetchSeries(this.series, fromMs, toMs, widthFor(toMs - fromMs));
      if (asked === this.asked) this.show(found);
    } catch {
      if (asked === this.asked) this.say(t("chart.failed"));
    }
  }

  show(found) {
    this.found = found;
    if (!found.at_ms.length) return this.say(t("chart.empty"));
    this.note.hidden = true;
    this.node.hidden = false;
    const [x, y] = withGaps(found);
    const data = [x, y.map((value) => (value === null ? null : value * this.factor))];
    if (this.plot) {
      this.plot.setData(data, false);
      this.plot.setScale("x", { min: this.range[0], max: this.range[1] });
    } else {
      this.plot = new uPlot(this.options(), data, this.node);
      this.plot.setScale("x", { min: this.range[0], max: this.range[1] });
    }
    this.describe(found);
  }

  describe(found) {
    const unit = unitOf(this.quantity);
    const [low, high] = [Math.min(...found.value), Math.max(...found.value)];
    const values = { quantity: quantityName(this.quantity), low: measured(low, unit), high: measured(high, unit), last: measured(found.value.at(-1), unit) };
    this.node.setAttribute("aria-label", t("chart.summary", values));
    this.caption.textContent = t("chart.means", { span: span(found.width_s * 1000) });
  }

  say(text) {
    this.destroyPlot();
    this.node.hidden = true;
    this.note.hidden = false;
    this.note.textContent = text;
    this.caption.textContent = "";
  }

  redraw() {
    this.destroyPlot();
    if (this.found) this.show(this.found);
  }

  fit() {
    if (this.plot && this.node.clientWidth) this.plot.setSize({ width: this.node.clientWidth, height: 140 });
  }

  destroyPlot() {
    this.plot?.destroy();
    this.plot = null;
  }

  options() {
    const [ink, faint, grid] = [token("--ink"), token("--ink-3"), token("--line")];
    const font = `11px ${token("--font")}`;
    const axis = { stroke: faint, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    return {
      width: this.node.clientWidth || 380, height: 140, padding: [8, 10, 0, 0], cursor: { show: false }, legend: { show: false },
      scales: { x: { time: true }, y: { range: (plot, low, high) => this.yRange(low, high) } },
      axes: [
        { ...axis, grid: { show: false }, size: 24, space: 70, values: (plot, splits) => splits.map((s) => shortTime(s * 1000)) },
        { ...axis, size: 40, space: 34, values: (plot, splits) => splits.map((s) => number(s, 1)) },
      ],
      series: [{}, { stroke: ink, width: 2, points: { show: (plot, i) => plot.data[1].filter((v) => v !== null).length < 3, size: 5, fill: ink } }],
      hooks: { drawAxes: [(plot) => this.drawSpan(plot)], draw: [(plot) => this.drawThreshold(plot)] },
    };
  }

  yRange(low, high) {
    const top = Math.max(high ?? 0, (this.marks.threshold ?? 0) * this.factor);
    return [Math.min(0, low ?? 0), top > 0 ? top * 1.15 : 1];
  }

  drawSpan(plot) {
    if (this.marks.onsetMs === undefined) return;
    const { ctx, bbox } = plot;
    const from = Math.max(plot.valToPos(this.marks.onsetMs / 1000, "x", true), bbox.left);
    const to = Math.min(plot.valToPos((this.marks.endMs ?? this.range[1] * 1000) / 1000, "x", true), bbox.left + bbox.width);
    if (to <= from) return;
    ctx.save();
    ctx.globalAlpha = 0.12;
    ctx.fillStyle = token("--sev-high");
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.restore();
  }

  drawThreshold(plot) {
    if (this.marks.threshold === undefined) return;
    const { ctx, bbox } = plot;
    const y = plot.valToPos(this.marks.threshold * this.factor, "y", true);
    ctx.save();
    ctx.strokeStyle = token("--sev-high");
    ctx.lineWidth = 1.2 * devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

const sparks = new Map();

// The last hour before now (or before it was over), without axes.
export function sparkline(card) {
  const path = svg("path", {});
  const picture = svg("svg", { class: `spark ${card.group === "needs" ? card.alarm.priority : ""}`, viewBox: "0 0 84 22", "aria-hidden": "true" }, path);
  if (!card.series) return "";
  const known = sparks.get(card.alarm.id);
  if (!known && sparks.size >= MOST_SPARKS) return picture;
  const spark = known ?? { d: "", atMs: -Infinity };
  sparks.set(card.alarm.id, spark);
  spark.card = card;
  spark.path = path;
  path.setAttribute("d", spark.d);
  freshen(spark);
  return picture;
}

export function freshenSparks() {
  for (const spark of sparks.values()) freshen(spark);
}

// A spark outlives the card it is drawn on: what arrives goes to the newest one.
async function freshen(spark) {
  if (model.clockMs === null || performance.now() - spark.atMs < SPARK_KEEP_MS) return;
  spark.atMs = performance.now();
  const end = spark.card.alarm.cleared_ms ?? model.clockMs;
  try {
    spark.d = sparkPath(await fetchSeries(spark.card.series, end - SPARK_SPAN_MS, end + MINUTE_MS, 120), end - SPARK_SPAN_MS);
  } catch {
    spark.d = "";
  }
  spark.path.setAttribute("d", spark.d);
}

function sparkPath(found, fromMs) {
  const [low, high] = [Math.min(0, ...found.value), Math.max(...found.value, 1e-9)];
  let d = "", lastMs = -Infinity;
  found.at_ms.forEach((at, i) => {
    const x = ((at - fromMs) / SPARK_SPAN_MS) * 84, y = 20 - ((found.value[i] - low) / (high - low)) * 18;
    d += `${at - lastMs > 360_000 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    lastMs = at;
  });
  return d;
}

export function forgetSparks(alive) {
  for (const id of sparks.keys()) if (!alive.has(id)) sparks.delete(id);
}
