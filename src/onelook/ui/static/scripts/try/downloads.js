/** What was found, as files: the words and forms are those of `onelook predict`. */

import { classColour } from "../colours.js";

const QUALITY = 0.92;

/** Save what `kind` says: `seen` are {picture, answer, detections} of every picture, `shown` is the one on the screen. */
export async function download(kind, shown, seen) {
  const stem = shown.picture.name.replace(/\.[^.]*$/, "");
  const makers = {
    picture: async () => [`${stem}-boxes.jpg`, await pictureOf(shown)],
    json: () => ["detections.json", text(jsonOf(seen), "application/json")],
    csv: () => ["detections.csv", text(csvOf(seen), "text/csv")],
    darknet: () => [`${stem}.txt`, text(darknetOf(shown), "text/plain")],
    voc: () => [`${stem}.xml`, text(vocOf(shown), "application/xml")],
  };
  save(...(await makers[kind]()));
}

function jsonOf(seen) {
  const images = seen.map(({ picture, answer, detections }) => ({
    file: picture.name,
    width: answer.width,
    height: answer.height,
    detections: detections.map((each) => ({ class: each.class, score: each.score, box: pixels(each.box, answer) })),
  }));
  return `${JSON.stringify({ images }, null, 1)}\n`;
}

function csvOf(seen) {
  const rows = seen.flatMap(({ picture, answer, detections }) =>
    detections.map((each) => [picture.name, each.class, each.score, ...pixels(each.box, answer)]),
  );
  return [["file", "class", "score", "x1", "y1", "x2", "y2"], ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function darknetOf({ detections }) {
  const line = ({ index, box: [left, top, right, bottom] }) =>
    [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top].reduce((words, value) => `${words} ${value.toFixed(6)}`, index);
  return detections.map((each) => `${line(each)}\n`).join("");
}

function vocOf({ picture, answer, detections }) {
  const whole = document.implementation.createDocument(null, "annotation");
  const add = (parent, name, words) => {
    const made = parent.appendChild(whole.createElement(name));
    if (words !== undefined) made.textContent = words;
    return made;
  };
  const root = whole.documentElement;
  add(root, "filename", picture.name);
  const size = add(root, "size");
  for (const [name, value] of [["width", answer.width], ["height", answer.height], ["depth", 3]]) add(size, name, value);
  for (const each of detections) {
    const object = add(root, "object");
    add(object, "name", each.class);
    const box = add(object, "bndbox");
    pixels(each.box, answer).forEach((value, side) => add(box, ["xmin", "ymin", "xmax", "ymax"][side], value));
  }
  return `${new XMLSerializer().serializeToString(whole)}\n`;
}

/** Return the picture at its own size with the boxes drawn, as a JPEG. */
function pictureOf({ picture, detections }) {
  const { image, width, height } = picture;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  const unit = Math.max(1, Math.min(width, height) / 300);
  pen.drawImage(image, 0, 0);
  pen.font = `600 ${9 * unit}px system-ui, sans-serif`;
  for (const each of detections) drawOne(pen, each, pixels(each.box, picture), unit);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

function drawOne(pen, { class: name, index, score }, [left, top, right, bottom], unit) {
  const words = `${name} ${score.toFixed(2)}`;
  const line = 11 * unit;
  const above = top < line ? top : top - line;
  pen.strokeStyle = pen.fillStyle = classColour(index);
  pen.lineWidth = 1.2 * unit;
  pen.strokeRect(left, top, right - left, bottom - top);
  pen.fillRect(left, above, pen.measureText(words).width + 4 * unit, line);
  pen.fillStyle = "#000";
  pen.fillText(words, left + 2 * unit, above + 8.5 * unit);
}

/** Return a box in pixels, to the hundredth. */
function pixels([left, top, right, bottom], { width, height }) {
  return [left * width, top * height, right * width, bottom * height].map((value) => Math.round(value * 100) / 100);
}

function quoted(value) {
  const words = String(value);
  return /[",\n\r]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
}

function text(words, type) {
  return new Blob([words], { type });
}

function save(name, blob) {
  const link = Object.assign(document.createElement("a"), { download: name, href: URL.createObjectURL(blob) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
