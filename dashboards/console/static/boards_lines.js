// Lines and bars over time (uPlot), with a legend that shows the newest value, or that under the pointer.

import { el } from "./dom.js";
import { day, number, shortTime } from "./i18n.js";
import { factorOf, figure, said, unitOf } from "./boards_panel.js";

const COLOURS = ["--line-1", "--line-2c", "--line-3", "--line-4", "--line-5", "--line-6", "--line-7", "--line-8"];
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function drawLines(panel, body, board) {
  const node = el("div", { class: "plot", role: "img", "aria-label": summary(panel) });
  const values = panel.series.map(() => el("b", {}));
  const keys = panel.series.map(({ label }, i) => el("span", {}, el("i", { class: `key c-${i % COLOURS.length}` }), said(label), values[i]));
  body.append(node, el("div", { class: "legend" }, ...keys));
  const data = columns(panel);
  const newest = data.slice(1).map((column) => column.findLastIndex((value) => value !== null));
  const tell = (at) => values.forEach((value, i) => (value.textContent = text(panel, data[i + 1][at ?? newest[i]])));
  tell(null);
  let plot = null;
  const fit = () => {
    const size = { width: node.clientWidth, height: node.clientHeight };
    if (!size.width || size.height < 20) return;
    if (plot) plot.setSize(size);
    else plot = new uPlot(options(panel, board, size, tell), panel.draw === "bars" ? stacked(data) : data, node);
  };
  return { fit, remove: () => plot?.destroy() };
}

const text = (panel, value) => (value === null || value === undefined ? "–" : `${number(value, Math.abs(value) < 10 ? 1 : 0)}\u00a0${unitOf(panel)}`.trim());

function summary(panel) {
  const newest = panel.series.slice(0, 8).map(({ label, value }) => `${said(label)}: ${value.at(-1) === null ? "–" : figure(value.at(-1), panel)}`);
  return `${said(panel.title)}. ${newest.join("; ")}`;
}

// All series on one time axis, missing windows as null; a time is put into every hole, so that a hole in all of them is seen too.
function columns(panel) {
  const known = [...new Set(panel.series.flatMap((one) => one.at_ms))].sort((a, b) => a - b);
  const isDays = known.some((at, i) => i && at - known[i - 1] > 22 * 3_600_000 && panel.width_ms < 86_400_000);
  const times = known.flatMap((at, i) => (i && !isDays && at - known[i - 1] > panel.width_ms * 1.5 ? [known[i - 1] + panel.width_ms, at] : [at]));
  const place = new Map(times.map((at, i) => [at, i]));
  const found = panel.series.map(({ at_ms, value }) => {
    const column = new Array(times.length).fill(null);
    at_ms.forEach((at, i) => (column[place.get(at)] = value[i] === null ? null : value[i] * factorOf(panel)));
    return column;
  });
  return [times.map((at) => at / 1000), ...found];
}

// Bars of several series stand on each other: the highest is drawn first, the lower ones over it.
function stacked(data) {
  const sums = new Array(data[0].length).fill(0);
  const raised = data.slice(1).map((column) => column.map((value, i) => (value === null ? null : (sums[i] += value))));
  return [data[0], ...raised.reverse()];
}

function options(panel, board, size, tell) {
  const axis = { stroke: token("--ink-3"), font: `11px ${token("--font")}`, grid: { stroke: token("--line"), width: 1 }, ticks: { show: false } };
  const isLong = board.to - board.from > 36 * 3_600_000;
  const bars = panel.draw === "bars";
  const end = Math.max(board.to, ...panel.series.map((one) => one.at_ms.at(-1) + (bars ? panel.width_ms : 0))) / 1000;
  const begin = Math.min(board.from, ...panel.series.map((one) => one.at_ms[0])) / 1000;
  const series = panel.series.map((_, i) => {
    const colour = token(COLOURS[i % COLOURS.length]);
    return bars
      ? { stroke: colour, fill: colour, width: 0, paths: uPlot.paths.bars({ size: [0.8, 40], align: 1 }), points: { show: false } }
      : { stroke: colour, width: 1.6, points: { show: true, size: 4, fill: colour, filter: alone } };
  });
  return {
    ...size, padding: [8, 10, 0, 0], legend: { show: false }, cursor: { y: false, drag: { setScale: false }, points: { show: !bars } },
    scales: { x: { time: true, range: () => [begin, end] }, y: { range: (plot, low, high) => limits(panel, low, high) } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 64, values: (plot, at) => at.map((s) => (isLong && shortTime(s * 1000) === "00:00" ? day(s * 1000).slice(0, 5) : shortTime(s * 1000))) },
      { ...axis, size: 46, space: 30, values: (plot, at) => at.map((value) => number(value, 2)) },
    ],
    series: [{}, ...(bars ? series.reverse() : series)],
    hooks: { drawAxes: [(plot) => thresholds(plot, panel)], setCursor: [(plot) => tell(plot.cursor.left >= 0 ? plot.cursor.idx : null)] },
  };
}

// A value between two gaps has no line to be seen by.
function alone(plot, at) {
  const values = plot.data[at];
  const isShort = values.filter((value) => value !== null).length < 15;
  return [...values.keys()].filter((i) => values[i] !== null && (isShort || ((values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null)));
}

function limits(panel, low, high) {
  const most = panel.high === null ? (high ?? 0) * 1.1 : Math.max(panel.high * factorOf(panel), high ?? 0);
  const least = panel.low === null ? (low ?? 0) - Math.abs(low ?? 0) * 0.05 : Math.min(panel.low * factorOf(panel), low ?? 0);
  return [least, most > least ? most : least + 1];
}

function thresholds(plot, panel) {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const { value, tone } of panel.thresholds) {
    const y = plot.valToPos(value * factorOf(panel), "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height || tone === "ok" || value === 0) continue;
    ctx.strokeStyle = token(tone === "high" ? "--sev-high" : "--sev-med");
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}
