/** Parts that htmx asks for anew every few seconds: what has the focus stays, and what goes wrong meanwhile is said. */

import { askToSignIn } from "./sign-in.js";
import { text } from "./texts.js";

const SIGNED_OUT = 401;
let declined = false;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (xhr.status === 200) tell("");
  if (target.contains(document.activeElement) && target.getAttribute("hx-swap") === "outerHTML") event.detail.shouldSwap = false;
});
document.addEventListener("htmx:sendError", () => tell(text("script.unreachable")));
document.addEventListener("htmx:responseError", async ({ detail: { xhr } }) => {
  if (xhr.status !== SIGNED_OUT) return tell(text("script.failed", { status: xhr.status }));
  if (declined) return;
  declined = !(await askToSignIn());
  tell(declined ? text("script.stands_still") : "");
});

function tell(words) {
  document.getElementById("mistake").textContent = words;
}
