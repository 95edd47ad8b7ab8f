/** What is wrong with data, gravest first, with the guilty pictures; and how much of what there is. */

import { ask } from "./api.js";
import { figure } from "./gallery.js";
import { known, number, text } from "./texts.js";

const MOST_LISTED = 50;
const MOST_PICTURES = 12;

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
  const words = paragraph(text("script.check_summary", { images: number(images), boxes: number(boxes), errors: number(errors), warnings: number(warnings) }));
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
  made.append(title, paragraph(known(`fault.${code}`) ?? meaning), ...listing(findings.filter((finding) => finding.code === code), count));
  made.addEventListener("toggle", () => showGuilty(made, id, code), { once: true });
  return made;
}

/** Return the findings as a list that begins with MOST_LISTED of them, and below it the way to the others. */
function listing(findings, count) {
  const list = Object.assign(document.createElement("ul"), { lang: "en" }); // the service's own words
  const more = document.createElement("button");
  more.type = "button";
  const left = paragraph("");
  const show = () => {
    const next = findings.slice(list.children.length, list.children.length + MOST_LISTED);
    list.append(...next.map(line));
    const shown = list.children.length;
    more.hidden = shown === findings.length;
    more.textContent = text("script.show_more", { count: number(findings.length - shown) });
    left.hidden = !more.hidden || count <= shown;
    left.textContent = text("script.more_elsewhere", { count: number(count - shown) });
  };
  more.addEventListener("click", show);
  show();
  return [list, more, left];
}

function line({ path, line, what, fix }) {
  return item(`${line === null ? path : `${path}:${line}`}: ${what}; ${fix}`);
}

async function showGuilty(section, id, code) {
  const chosen = `code=${encodeURIComponent(code)}`;
  try {
    const { total, images } = await ask(`/v1/data/${id}/images?limit=${MOST_PICTURES}&${chosen}`);
    if (!images.length) return;
    const gallery = Object.assign(document.createElement("ul"), { className: "gallery" });
    gallery.append(...images.map((image) => labelled(id, image)));
    section.querySelector("p").after(gallery);
    if (total > images.length) gallery.after(toAll(`/data/${id}?${chosen}#browse`, images.length, total));
  } catch (refusal) {
    section.querySelector("p").after(Object.assign(paragraph(refusal.message), { className: "mistake" }));
  }
}

/** Return how many pictures are shown, with the way to all of them. */
function toAll(address, shown, total) {
  const words = paragraph(text("script.pictures_some", { shown: number(shown), total: number(total) }));
  words.append(" ", Object.assign(document.createElement("a"), { href: address, textContent: text("script.pictures_all") }));
  return words;
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
