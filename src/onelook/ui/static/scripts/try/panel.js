/** What one model sees on one picture: the boxes, the counts, every object, the files to take along. */

import { drawBoxes } from "../boxes.js";
import { number, percent, text } from "../texts.js";
import { download } from "./downloads.js";
import { followPointer, showKept } from "./highlight.js";
import { countByClass, showClasses, showCounts, showObjects } from "./tables.js";

/** Return a panel's element for a model; `again` is called when the reader wants another try. */
export function makePanel(model, again) {
  const panel = document.getElementById("panel").content.firstElementChild.cloneNode(true);
  panel.querySelector("h2").textContent = model;
  panel.dataset.model = model;
  panel.querySelector(".again").addEventListener("click", again);
  followPointer(panel);
  return panel;
}

/** Show a picture without anything found: the model still looks. */
export function showPicture(panel, picture) {
  const canvas = panel.querySelector(".canvas");
  const image = canvas.querySelector("img");
  canvas.style.setProperty("--ratio", picture.width / picture.height);
  if (image.src !== picture.address) image.src = picture.address;
  image.alt = picture.name;
  panel.setAttribute("aria-busy", "true");
  clear(panel, text("try.looking"));
}

/** Say in words why there is nothing to see. */
export function showMistake(panel, mistake) {
  panel.setAttribute("aria-busy", "false");
  clear(panel, "");
  panel.querySelector(".mistake").textContent = mistake;
  panel.querySelector(".again").hidden = false;
}

/** Show what was found, as `seenBy` gives it. */
export function showSeen(panel, seen) {
  panel.setAttribute("aria-busy", "false");
  panel.querySelector(".mistake").textContent = "";
  panel.querySelector(".again").hidden = true;
  if (seen.answer.classes) showClassifier(panel, seen.answer);
  else showDetector(panel, seen);
}

/** Let the panel's buttons save files: `shown()` is what it shows, `all()` what its model saw on every picture. */
export function offerDownloads(panel, shown, all) {
  panel.querySelector(".downloads").addEventListener("click", async ({ target }) => {
    if (target.value) await download(target.value, shown(), all());
  });
}

/** Return {picture, answer, detections}: the detections of at least a score, numbered. */
export function seenBy(picture, answer, score) {
  const detections = (answer.detections ?? []).map((each, object) => ({ ...each, object }));
  return { picture, answer, detections: detections.filter((each) => each.score >= score) };
}

function showDetector(panel, { answer, detections }) {
  const counts = countByClass(detections);
  drawBoxes(panel.querySelector("svg"), detections);
  panel.querySelector(".counts thead .number").textContent = text("try.count");
  showCounts(panel.querySelector(".counts tbody"), counts);
  showObjects(panel.querySelector("details tbody"), detections, answer);
  showKept(panel);
  for (const part of [".counts", "details"]) panel.querySelector(part).hidden = !detections.length;
  panel.querySelector(".downloads").hidden = false;
  const listed = counts.map((each) => `${number(each.count)} ${each.class}`).join(", ");
  const told = detections.length ? text("try.found", { count: number(detections.length), listed }) : text("try.nothing");
  panel.querySelector(".told").textContent = `${told} ${seconds(answer)}`;
}

function showClassifier(panel, answer) {
  drawBoxes(panel.querySelector("svg"), []);
  panel.querySelector(".counts thead .number").textContent = text("try.score");
  showClasses(panel.querySelector(".counts tbody"), answer.classes);
  panel.querySelector(".counts").hidden = false;
  for (const part of ["details", ".downloads"]) panel.querySelector(part).hidden = true;
  const [best] = answer.classes;
  const told = best ? text("try.likeliest", { name: best.class, score: percent(best.score) }) : text("try.nothing");
  panel.querySelector(".told").textContent = `${told} ${seconds(answer)}`;
}

function seconds({ timings }) {
  return text("try.seconds", { seconds: number(timings.predicted, 3) });
}

function clear(panel, told) {
  panel.dataset.kept = "";
  drawBoxes(panel.querySelector("svg"), []);
  showKept(panel);
  for (const part of [".counts", "details", ".downloads", ".again"]) panel.querySelector(part).hidden = true;
  panel.querySelector(".mistake").textContent = "";
  panel.querySelector(".told").textContent = told;
}
