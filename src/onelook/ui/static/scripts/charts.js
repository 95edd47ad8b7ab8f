/** Curves over a run's steps, drawn by uPlot, in the colours that the reader's system prefers. */

import { number } from "./texts.js";
import { classColour } from "./colours.js";

const HEIGHT = 220;
const NUMBERS_WIDTH = 64;

/** Return a chart in an element; `names` are its curves. Its `show` takes their points as [[step, value], ...] each. */
export function makeChart(place, names) {
  const options = {
    width: place.clientWidth || 300,
    height: HEIGHT,
    legend: { live: false, show: names.length > 1 },
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [axis(), { ...axis(), size: NUMBERS_WIDTH }],
    series: [{}, ...names.map((label, index) => ({ label, stroke: classColour(index), width: 2, spanGaps: true }))],
  };
  const plot = new uPlot(options, [[], ...names.map(() => [])], place);
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
  place.setAttribute("aria-label", described(names, curves));
}

/** Return the curves in words: where each stands last. */
function described(names, curves) {
  const told = curves.map((curve, index) => (curve.length ? `${names[index]}: ${number(curve.at(-1)[1], 3)}` : names[index]));
  return told.join(", ");
}

function axis() {
  const line = { stroke: () => colour("--line"), width: 1 };
  const values = (_, ticks) => ticks.map((tick) => String(Number(tick.toPrecision(3))));
  return { stroke: () => colour("--soft"), grid: line, ticks: line, values };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
