/** What was found, as tables: counts by class, every object, or how likely each class is. */

import { number, percent } from "../texts.js";
import { classColour } from "../colours.js";

/** Return [{class, index, count}], the most frequent first. */
export function countByClass(detections) {
  const counts = new Map();
  for (const { class: name, index } of detections) {
    const row = counts.get(index) ?? { class: name, index, count: 0 };
    counts.set(index, { ...row, count: row.count + 1 });
  }
  return [...counts.values()].sort((one, other) => other.count - one.count || one.index - other.index);
}

/** Fill a table's body with counts by class. */
export function showCounts(body, counts) {
  body.replaceChildren(...counts.map((each) => row(each, [number(each.count)], { class: each.index })));
}

/** Fill a table's body with the objects; boxes are in pixels of a picture of `width` and `height`. */
export function showObjects(body, detections, { width, height }) {
  const cells = ({ score, box: [left, top, right, bottom] }) => [
    percent(score),
    `${number(left * width)}, ${number(top * height)}`,
    `${number((right - left) * width)} × ${number((bottom - top) * height)}`,
  ];
  body.replaceChildren(...detections.map((each) => row(each, cells(each), { class: each.index, object: each.object })));
}

/** Fill a table's body with the likeliest classes of the whole picture. */
export function showClasses(body, classes) {
  body.replaceChildren(...classes.map((each) => row(each, [percent(each.score)], { class: each.index })));
}

function row(named, cells, data) {
  const made = document.createElement("tr");
  Object.assign(made.dataset, data);
  const head = document.createElement("th");
  head.scope = "row";
  head.append(nameButton(named));
  made.append(head, ...cells.map(numberCell));
  return made;
}

function nameButton({ class: name, index }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "name";
  button.setAttribute("aria-pressed", "false");
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.backgroundColor = classColour(index);
  button.append(swatch, name);
  return button;
}

function numberCell(words) {
  const cell = document.createElement("td");
  cell.className = "number";
  cell.textContent = words;
  return cell;
}
