/** What the model saw on a few pictures at each evaluation: a slider goes back to how it began. */

import { ask } from "../api.js";
import { figure } from "../gallery.js";
import { number, percent, text } from "../texts.js";

const slider = document.getElementById("evaluation");
let known = [];
let least = 0;
let most = 0;
let path = "";

/** Show the samples of a run that has so many evaluations; who looks at the latest goes on doing so. */
export async function showSamples(run, count) {
  path = run;
  const atEnd = slider.value === slider.max;
  const told = count ? await ask(`${run}/samples`) : { evaluations: [], least: 0, most: 0 };
  known = told.evaluations;
  least = told.least;
  most = told.most;
  document.getElementById("samples").hidden = !known.length;
  slider.max = Math.max(0, known.length - 1);
  if (atEnd) slider.value = slider.max;
  show();
}

slider.addEventListener("input", show);

function show() {
  const shown = known[Number(slider.value)];
  if (!shown) return;
  const words = text("run.at_step", { step: number(shown.step), epoch: number(shown.epoch, 1) });
  document.getElementById("evaluation-told").textContent = words;
  slider.setAttribute("aria-valuetext", words);
  document.getElementById("pictures").replaceChildren(...shown.images.map(picture));
}

function picture(image, place) {
  const { file, width, height, detections, classes } = image;
  const boxes = detections.map((found) => ({ ...found, box: shares(found.box, width, height) }));
  const words = classes.length
    ? text("run.seen_class", { truth: image.class, seen: classes.map((each) => `${each.class} ${percent(each.score)}`).join(", ") })
    : seenInWords(image);
  return figure(`${path}/samples/${place}?side=480`, file, boxes, words);
}

/** Return how many objects were seen and are there; of many the surest are drawn, and of unsure ones the best is told. */
function seenInWords({ detections, truth, best }) {
  const told = { seen: number(detections.length), truth: number(truth.length), least: number(least, 2) };
  if (detections.length >= most) return text("run.seen_most", told);
  if (detections.length || best === null) return text("run.seen", told);
  return best ? text("run.seen_none", { ...told, best: number(best, 3) }) : text("run.seen_nothing", told);
}

function shares([left, top, right, bottom], width, height) {
  return [left / width, top / height, right / width, bottom / height];
}
