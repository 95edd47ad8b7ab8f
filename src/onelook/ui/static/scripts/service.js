/** The page Service: retries, new clients and keys; the numbers themselves come from the server, anew every few seconds. */

import { ask, request } from "./api.js";
import { clearMistakes, tellRefusal } from "./forms.js";
import "./renewing.js";
import { text, typedNumber } from "./texts.js";

const SIGNED_OUT = 401;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-post], button[data-delete], button[data-patch], button[data-key]");
  if (!button) return;
  const section = button.closest("section");
  button.disabled = true;
  tell(section, "", "");
  try {
    tell(section, await send(button.dataset), "");
    await renew(section);
  } catch (refusal) {
    tell(section, "", refusal.message);
    if (refusal.status !== SIGNED_OUT) await renew(section); // what was refused may be old
  }
  button.disabled = false;
});

document.getElementById("new-client").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const { name, weight, jobs_per_minute: pace, admin } = form.elements;
    const body = { name: name.value, weight: typedNumber(weight.value), jobs_per_minute: typedNumber(pace.value), admin: admin.checked };
    const client = await ask("/v1/clients", { method: "POST", body });
    clearMistakes(form); // not before: what moves under a second press would be pressed
    form.reset();
    await makeKey(client.id, client.name);
    await renew(form.closest("section"));
  } catch (refusal) {
    tellRefusal(form, refusal);
  }
  button.disabled = false;
});

/** Ask for what a button stands for, and return in words what came of it where the page does not show it. */
async function send({ post, patch, disabled, key, name, ...more }) {
  if (key) return makeKey(key, name);
  if (post) await ask(post, { method: "POST" });
  else if (patch) await ask(patch, { method: "PATCH", body: { disabled: disabled === "true" } });
  else await ask(more.delete, { method: "DELETE" });
  return text(post ? "service.retried" : "service.changed");
}

/** Make a key and show its secret, which is told this once. */
async function makeKey(id, name) {
  const { secret } = await ask(`/v1/clients/${id}/keys`, { method: "POST", body: {} });
  document.getElementById("secret-of").textContent = text("service.key_of", { name });
  document.getElementById("secret-told").textContent = secret;
  const place = document.getElementById("secret");
  place.hidden = false;
  place.focus();
  return "";
}

/** Show a section's list as it is now: what is typed, and a key that was told, stay. A button that goes leaves the focus nearby. */
async function renew(section) {
  const place = section.querySelector("[data-renewed]");
  try {
    const page = await (await request(location.pathname + location.search)).text();
    place.replaceWith(new DOMParser().parseFromString(page, "text/html").getElementById(place.id));
  } catch (refusal) {
    tell(section, "", refusal.message);
  }
  if (document.activeElement === document.body) section.querySelector("h2").focus({ preventScroll: true });
}

function tell(section, words, mistake) {
  section.querySelector(":scope > .told[role='status']:not(#secret)").textContent = words;
  section.querySelector(":scope > .mistake").textContent = mistake;
}
