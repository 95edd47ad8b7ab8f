/** Curves over a run's steps, drawn by uPlot, in the colours that the reader's system prefers. */

import { brief, number, text } from "./texts.js";
import { classColour } from "./colours.js";

const HEIGHT = 220;
const NUMBERS_WIDTH = 64;
const WHOLE = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((part) => part * 10 ** power)).flat();

/** Return a chart in an element; `names` are its curves. Its `show` takes their points as [[step, value], ...] each. */
export function makeChart(place, names) {
  const options = {
    width: place.clientWidth || 300,
    height: HEIGHT,
    legend: { live: false, show: names.length > 1 },
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [{ ...axis(), incrs: WHOLE }, { ...axis(), size: NUMBERS_WIDTH }],
    series: [{}, ...names.map((label, index) => ({ label, stroke: classColour(index), width: 2, spanGaps: true }))],
  };
  const plot = new uPlot(options, [[], ...names.map(() => [])], place);
  place.append(Object.assign(document.createElement("p"), { className: "hint none", textContent: text("script.no_numbers"), hidden: true }));
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
  return { show: (curves) => show(place, plot, names, curves) };
}

function show(place, plot, names, curves) {
  const steps = [...new Set(curves.flatMap((curve) => curve.map(([step]) => step)))].sort((one, other) => one - other);
  const rows = curves.map((curve) => {
    const values = new Map(curve);
    return steps.map((step) => values.get(step) ?? null);
  });
  plot.setData([steps, ...rows]);
  place.dataset.points = steps.length;
  place.querySelector(".none").hidden = steps.length > 0;
  place.setAttribute("aria-label", described(names, curves));
}

/** Return the curves in words: where each stands last, if anywhere. */
function described(names, curves) {
  const told = curves.map((curve, index) => `${names[index]}: ${curve.length ? number(curve.at(-1)[1], 3) : text("script.no_numbers")}`);
  return told.join(", ");
}

function axis() {
  const line = { stroke: () => colour("--line"), width: 1 };
  const values = (_, ticks) => ticks.map((tick) => brief(Number(tick.toPrecision(3))));
  return { stroke: () => colour("--soft"), grid: line, ticks: line, values };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
