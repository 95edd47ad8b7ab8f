/** The page Compare: the curves of several runs in one chart. */

import { ask } from "./api.js";
import { makeChart } from "./charts.js";

const heads = [...document.querySelectorAll("[data-run]")];
const names = heads.map((head) => head.dataset.name);

if (heads.length) {
  try {
    const runs = await Promise.all(heads.map((head) => ask(`/v1/trainings/${head.dataset.run}/progress`)));
    makeChart(document.getElementById("loss"), names).show(runs.map(({ lines }) => curve(lines, "step", (line) => line.loss)));
    makeChart(document.getElementById("score"), names).show(
      runs.map(({ lines }) => curve(lines, "eval", (line) => line.ap50 ?? line.top1)),
    );
  } catch (refusal) {
    document.getElementById("mistake").textContent = refusal.message;
  }
}

function curve(lines, kind, value) {
  const own = lines.filter((line) => line.kind === kind && (value(line) ?? null) !== null);
  return own.map((line) => [line.step, value(line)]);
}
