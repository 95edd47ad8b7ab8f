/** Small pictures with their boxes over them, as SVG. */

import { drawBoxes } from "./boxes.js";

/** Return a list entry: a picture by its address, boxes in fractions of it, and words below. */
export function figure(address, alt, boxes, words) {
  const entry = document.createElement("li");
  const canvas = Object.assign(document.createElement("div"), { className: "canvas" });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const image = Object.assign(document.createElement("img"), { src: address, alt, loading: "lazy" });
  image.addEventListener("error", () => canvas.classList.add("lost"));
  drawBoxes(svg, boxes.map((box, object) => ({ ...box, object })));
  canvas.append(image, svg);
  entry.append(canvas, Object.assign(document.createElement("p"), { className: "hint", textContent: words }));
  return entry;
}
