/** What the best model takes for what, and the pictures on which it does worst: once a run is done. */

import { ask } from "../api.js";
import { figure } from "../gallery.js";
import { number, percent, text } from "../texts.js";

const select = document.getElementById("split");
let path = "";

/** Show the mistakes of a run that was evaluated; of another nothing. */
export async function showMistakes(run) {
  path = run;
  select.onchange = () => show(select.value);
  await show("");
}

async function show(split) {
  try {
    const found = await ask(`${path}/mistakes${split ? `?${new URLSearchParams({ split })}` : ""}`);
    showAll(found);
  } catch (refusal) {
    if (refusal.status !== 404) tell(refusal.message);
  }
}

function showAll(found) {
  const { split, splits, images, score, worst, matrix, confusions } = found;
  select.replaceChildren(...splits.map((name) => new Option(name, name, false, name === split)));
  document.getElementById("splits").hidden = splits.length < 2;
  const told = { split, images: number(images) };
  tell(score === null ? text("run.mistakes_classes", told) : text("run.mistakes_boxes", { ...told, score: number(score, 2) }));
  document.getElementById("matrix").hidden = matrix === null;
  document.getElementById("matrix-none").hidden = matrix !== null;
  if (matrix !== null) document.getElementById("matrix").replaceChildren(tableOf(found));
  document.getElementById("confusions").hidden = !confusions.length;
  document.querySelector("#confusions tbody").replaceChildren(...confusions.map(confusion));
  const hint = worst.length ? (score === null ? "" : text("run.worst_hint")) : text("run.worst_none");
  document.getElementById("worst-hint").textContent = hint;
  document.getElementById("worst").replaceChildren(...worst.map((image) => picture(image, split)));
  tellMore(found);
}

/** Say how many pictures with mistakes there are besides those that are shown, and let the next ones be asked for. */
function tellMore({ split, mistaken }) {
  const shown = document.getElementById("worst").children.length;
  const more = document.getElementById("worst-more");
  more.hidden = shown >= mistaken;
  more.textContent = text("script.show_more", { count: number(mistaken - shown) });
  more.onclick = () => showMore(split, shown);
}

async function showMore(split, start) {
  try {
    const found = await ask(`${path}/mistakes?${new URLSearchParams({ split, start })}`);
    document.getElementById("worst").append(...found.worst.map((image) => picture(image, split)));
    tellMore(found);
  } catch (refusal) {
    tell(refusal.message);
  }
}

/** Return the counts by true class and seen class, each darker the larger its share of the row. */
function tableOf({ matrix, columns, score }) {
  const detector = score !== null;
  const table = document.createElement("table");
  table.className = "matrix";
  table.createCaption().textContent = text("run.matrix");
  const head = table.createTHead().insertRow();
  const seen = detector ? [...columns, text("run.missed")] : columns;
  head.append(...[text("run.true_and_seen"), ...seen].map((name) => heading(name, "col")));
  const body = table.createTBody();
  const names = detector ? [...columns, text("run.background")] : columns;
  matrix.forEach((counts, row) => body.append(line(names[row], counts, row, columns.length)));
  return table;
}

function line(name, counts, row, classes) {
  const made = document.createElement("tr");
  const total = counts.reduce((sum, count) => sum + count, 0);
  made.append(heading(name, "row"), ...counts.map((count, column) => cell(count, count / (total || 1), row === column && row < classes, row < classes)));
  return made;
}

function cell(count, share, right, told) {
  const made = document.createElement("td");
  if (!count) return made;
  made.className = right ? "right" : "wrong";
  made.style.setProperty("--share", `${Math.round(8 + 62 * share)}%`);
  made.append(number(count));
  if (told) made.append(Object.assign(document.createElement("small"), { textContent: percent(share) }));
  return made;
}

function heading(words, scope) {
  return Object.assign(document.createElement("th"), { textContent: words, scope });
}

function confusion({ true: truth, seen, count }) {
  const made = document.createElement("tr");
  const words = seen === null ? text("run.is_missed", { name: truth }) : truth === null ? text("run.is_nothing", { name: seen }) : text("run.is_taken", { name: truth, seen });
  const times = Object.assign(document.createElement("td"), { className: "number", textContent: number(count) });
  made.append(heading(words, "row"), times);
  return made;
}

/** Return a picture with the detections, and with the objects that were missed. */
function picture({ number: place, file, truth, detections, right, wrong, missed, classes, ...image }, split) {
  const boxes = [...detections.map((box) => ({ ...box, fault: box.wrong ? "wrong" : "" })), ...truth.filter((box) => box.wrong).map(asMissed)];
  const likeliest = classes.map((each) => `${each.class} ${percent(each.score)}`).join(", ");
  const words = classes.length
    ? text("run.seen_class", { truth: image.class, seen: likeliest })
    : text("run.right_wrong", { right: number(right), wrong: number(wrong), missed: number(missed) });
  return figure(`${path}/mistakes/${place}?${new URLSearchParams({ split, side: 480 })}`, file, boxes, `${file} · ${words}`);
}

function asMissed({ class: name, index, box }) {
  return { class: text("run.is_missed", { name }), index, box, fault: "missed" };
}

function tell(words) {
  document.getElementById("mistakes").hidden = false;
  document.getElementById("mistakes-told").textContent = words;
}
