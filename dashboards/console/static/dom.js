// Elements from plain values. Text only ever goes in as text, so names from outside are harmless.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (selector) => document.querySelector(selector);

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

// Names from the registry may run right to left: each stands isolated.
export const name = (text) => el("bdi", {}, text);

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "onclick") node.addEventListener("click", value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const MARKS = {
  high: ["mark high", [["path", "M15 3l13 23H2z", "shape"], ["path", "M15 11v7M15 21.2v.6", "sign"]]],
  medium: ["mark medium", [["path", "M15 2l13 13-13 13L2 15z", "shape"], ["path", "M15 9v7M15 19.6v.5", "sign"]]],
  low: ["mark low", [["path", "M5 5h20v20H5z", "shape"], ["path", "M15 9v7M15 19.6v.5", "sign"]]],
  done: ["mark done", [["path", "M15 4a11 11 0 1 0 0 22a11 11 0 1 0 0-22", "ring"], ["path", "M10 15l4 4 7-8", "ring"]]],
  tool: ["mark tool", [["path", "M8 4h14a4 4 0 0 1 4 4v14a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z", "ring"], ["path", "M10 20l6-6M20 10a3.4 3.4 0 1 0-1.500 4.800", "ring"]]],
  hidden: ["mark hidden-one", [["path", "M4 15c4-6 7-8 11-8s7 2 11 8c-4 6-7 8-11 8s-7-2-11-8zM6 25L24 5", "ring"]]],
  over: ["mark over", [["path", "M8 4h14a4 4 0 0 1 4 4v14a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z", "ring"], ["path", "M10 15l4 4 7-8", "ring"]]],
};

// Severity has a shape as well as a colour.
export function mark(kind) {
  const [classes, shapes] = MARKS[kind];
  const parts = shapes.map(([tag, d, part]) => svg(tag, { d, class: part }));
  return svg("svg", { class: classes, viewBox: "0 0 30 30", "aria-hidden": "true" }, ...parts);
}
