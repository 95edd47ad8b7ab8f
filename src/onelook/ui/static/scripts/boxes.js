/** Boxes over a picture: SVG in per cent of it, so that they stay in place at any size on the screen. */

import { percent } from "./texts.js";
import { classColour } from "./colours.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const CROWD = 40;
const TOP = 0.06;

/** Draw detections as /v1/detect gives them, or labels, which have no score, each with its `object` number, in place of what was drawn.
 *  One with a `fault`, "wrong" or "missed", is drawn so. */
export function drawBoxes(svg, detections) {
  svg.classList.toggle("crowded", detections.length > CROWD);
  svg.replaceChildren(...detections.map(drawn));
}

function drawn(found) {
  const group = element("g", { "data-class": found.index, "data-object": found.object, class: found.fault ?? "" });
  const [left, top, right, bottom] = found.box;
  const place = { x: share(left), y: share(top), width: share(right - left), height: share(bottom - top) };
  const colour = classColour(found.index);
  const below = found.fault === "missed"; // above stands what was seen there instead
  const words = element("text", { x: share(left), y: share(below ? bottom : top), dy: below || top < TOP ? "1.1em" : "-0.35em" });
  words.textContent = (found.score ?? null) === null ? found.class : `${found.class} ${percent(found.score)}`;
  group.append(element("rect", { class: "halo", ...place }), element("rect", { class: "box", stroke: colour, ...place }), words);
  return group;
}

function share(value) {
  return `${value * 100}%`;
}

function element(name, attributes) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
