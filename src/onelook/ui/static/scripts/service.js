/** The page Service: retries, new clients and keys; the numbers themselves come from the server, anew every few seconds. */

import { ask } from "./api.js";
import { clearMistakes, tellRefusal } from "./forms.js";
import "./renewing.js";
import { text } from "./texts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-post], button[data-delete], button[data-patch]");
  if (!button) return;
  button.disabled = true;
  try {
    await send(button.dataset);
    location.reload();
  } catch (refusal) {
    document.getElementById("mistake").textContent = refusal.message;
    button.disabled = false;
  }
});

document.getElementById("new-client").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  clearMistakes(form);
  try {
    const { name, weight, jobs_per_minute: pace, admin } = form.elements;
    const body = { name: name.value, weight: Number(weight.value), jobs_per_minute: Number(pace.value), admin: admin.checked };
    const client = await ask("/v1/clients", { method: "POST", body });
    await makeKey(client.id, client.name);
    form.reset();
  } catch (refusal) {
    tellRefusal(form, refusal);
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-key]");
  if (!button) return;
  try {
    await makeKey(button.dataset.key, button.dataset.name);
  } catch (refusal) {
    document.getElementById("mistake").textContent = refusal.message;
  }
});

function send({ post, patch, disabled, ...more }) {
  if (post) return ask(post, { method: "POST" });
  if (patch) return ask(patch, { method: "PATCH", body: { disabled: disabled === "true" } });
  return ask(more.delete, { method: "DELETE" });
}

/** Make a key and show its secret, which is told this once. */
async function makeKey(id, name) {
  const { secret } = await ask(`/v1/clients/${id}/keys`, { method: "POST", body: {} });
  document.getElementById("secret-of").textContent = text("service.key_of", { name });
  document.getElementById("secret-told").textContent = secret;
  const place = document.getElementById("secret");
  place.hidden = false;
  place.focus();
}
