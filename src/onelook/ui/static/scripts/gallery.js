/** Small pictures with their boxes over them, as SVG. */

import { reasonOf } from "./api.js";
import { drawBoxes } from "./boxes.js";
import { text } from "./texts.js";

/** Return a list entry: a picture by its address, boxes in fractions of it, and words below; of one that cannot be shown, why. */
export function figure(address, alt, boxes, words) {
  const entry = document.createElement("li");
  const canvas = Object.assign(document.createElement("div"), { className: "canvas" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const image = Object.assign(document.createElement("img"), { src: address, alt, loading: "lazy" });
  image.addEventListener("error", () => tellLost(canvas, address));
  drawBoxes(svg, boxes.map((box, object) => ({ ...box, object })));
  canvas.append(image, svg);
  entry.append(canvas, Object.assign(document.createElement("p"), { className: "hint", textContent: words }));
  return entry;
}

/** Ask once more for a picture that did not come: the answer says in words what is wrong with it. */
async function tellLost(canvas, address) {
  canvas.classList.add("lost");
  const why = (await reasonOf(address)) || text("script.not_shown");
  canvas.append(Object.assign(document.createElement("p"), { className: "mistake", textContent: why }));
}
