/** What is wrong with data, gravest first, with the guilty pictures; and how much of what there is. */

import { ask } from "./api.js";
import { figure } from "./gallery.js";
import { number, text } from "./texts.js";

const MOST_LISTED = 50;

/** Look at data and show the outcome in an element; a refusal is shown there too. Returns the answer, null for none. */
export async function showCheck(place, id) {
  place.replaceChildren(paragraph(text("script.checking")));
  place.setAttribute("aria-busy", "true");
  try {
    const found = await ask(`/v1/data/${id}/check`);
    place.replaceChildren(summary(found), table(found.statistics), ...found.codes.map((code) => section(id, code, found.findings)));
    return found;
  } catch (refusal) {
    place.replaceChildren(Object.assign(paragraph(refusal.message), { className: "grave" }));
    return null;
  } finally {
    place.setAttribute("aria-busy", "false");
  }
}

function summary({ errors, warnings, statistics }) {
  const { images, boxes, negatives, unlabelled } = statistics;
  const words = paragraph(text("script.check_summary", { images: number(images), boxes: number(boxes), errors, warnings }));
  words.append(" ", text("script.check_empty", { negatives: number(negatives), unlabelled: number(unlabelled) }));
  if (errors) words.append(" ", text("script.check_mend"));
  words.className = errors ? "told grave" : "told";
  return words;
}

/** Return boxes by class and split, and the images of each split. */
function table({ classes, splits, split_classes }) {
  const names = Object.keys(splits);
  const rows = Object.entries(classes).map(([name, count]) => [name, count, ...names.map((split) => split_classes[split][name])]);
  rows.push([text("script.images"), Object.values(splits).reduce((sum, each) => sum + each, 0), ...names.map((split) => splits[split])]);
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  head.append(cell("th", text("script.class"), "col"));
  head.append(...[text("script.boxes"), ...names].map((word) => Object.assign(cell("th", word, "col"), { className: "number" })));
  for (const [name, ...counts] of rows) {
    const row = made.insertRow();
    row.append(cell("th", name, "row"), ...counts.map((count) => Object.assign(cell("td", number(count)), { className: "number" })));
  }
  const scroll = Object.assign(document.createElement("div"), { className: "scroll", tabIndex: 0 });
  scroll.append(made);
  return scroll;
}

function section(id, { code, severity, meaning, count }, findings) {
  const made = document.createElement("details");
  made.className = severity;
  const title = document.createElement("summary");
  title.textContent = `${text(`script.${severity}`)} – ${code}: ${number(count)}`;
  made.append(title, paragraph(meaning));
  const own = findings.filter((finding) => finding.code === code);
  const list = document.createElement("ul");
  list.append(...own.slice(0, MOST_LISTED).map(line));
  if (count > MOST_LISTED) list.append(item(text("script.more", { count: number(count - MOST_LISTED) })));
  made.append(list);
  made.addEventListener("toggle", () => showGuilty(made, id, code), { once: true });
  return made;
}

function line({ path, line, what, fix }) {
  return item(`${line === null ? path : `${path}:${line}`}: ${what}; ${fix}`);
}

async function showGuilty(section, id, code) {
  const { images } = await ask(`/v1/data/${id}/images?limit=12&code=${encodeURIComponent(code)}`);
  if (!images.length) return;
  const gallery = Object.assign(document.createElement("ul"), { className: "gallery" });
  gallery.append(...images.map((image) => labelled(id, image)));
  section.querySelector("p").after(gallery);
}

/** Return one of the data's pictures with its boxes. */
export function labelled(id, { number: place, file, splits, boxes, label, labelled: told }) {
  const words = [file, ...splits, ...(label ? [label] : []), ...(told || label ? [] : [text("script.unlabelled")])];
  return figure(`/v1/data/${id}/images/${place}?side=480`, file, boxes, words.join(" · "));
}

function paragraph(words) {
  return Object.assign(document.createElement("p"), { textContent: words });
}

function item(words) {
  return Object.assign(document.createElement("li"), { textContent: words });
}

function cell(kind, words, scope) {
  const made = Object.assign(document.createElement(kind), { textContent: words });
  if (scope) made.scope = scope;
  return made;
}
