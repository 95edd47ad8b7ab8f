/** The page Train: choose data, see what is wrong with it, choose network and hyperparameters, see the forecast, start. */

import { ask, request } from "./api.js";
import { clearMistakes, fill, keepTyped, tellRefusal, typed } from "./forms.js";
import { offerData } from "./train/data.js";
import { foresee, takeBack } from "./train/forecast.js";
import { once } from "./train/once.js";
import { asked, offerNetwork, useCfg } from "./train/request.js";
import { offerSettings } from "./train/settings.js";
import { text } from "./texts.js";

const TYPED = "onelook-train";
const NOT_THERE = 404;
const form = document.getElementById("form");
const start = document.getElementById("start");

form.addEventListener("submit", begin);
document.getElementById("clear").addEventListener("click", clear);
addEventListener("pageshow", ({ persisted }) => persisted && location.reload()); // back from a run: what is offered has changed
start.disabled = true;
try {
  await offer();
  start.disabled = false;
} catch (refusal) {
  tellRefusal(form, { message: refusal.message, errors: [] });
}

/** Put into the form what there is to choose from, what was typed, and what the address names. */
async function offer() {
  const { settings, networks } = await ask("/v1/trainings/settings");
  offerSettings(settings);
  await Promise.all([offerNetwork(networks), offerData(form)]);
  keepTyped(form, TYPED);
  const missing = await beginWith(new URLSearchParams(location.search));
  form.dispatchEvent(new Event("change", { bubbles: true }));
  form.addEventListener("input", () => foresee(form));
  form.addEventListener("change", () => foresee(form));
  form.dataset.ready = "true";
  foresee(form);
  document.getElementById("data-mistake").textContent = missing;
}

/** Fill in what the address names, and return in words what of it is not there any more. */
async function beginWith(query) {
  try {
    await fillFrom(query);
  } catch (refusal) {
    if (refusal.status !== NOT_THERE) throw refusal;
    return text("train.from_gone");
  }
  const data = query.get("data") ?? query.get("from");
  return data && !form.elements.data.value ? text("train.data_gone") : "";
}

/** Fill in another training's settings, or data, that the address names. */
async function fillFrom(query) {
  if (query.has("from")) {
    const path = `/v1/trainings/${query.get("from")}`;
    const { data, network, weights, settings: values, time_budget } = await ask(path);
    form.reset();
    useCfg(network.endsWith(".cfg") ? { name: network, text: await (await request(`${path}/files/network.cfg`)).text() } : null);
    fill(form, { data, ...(network.endsWith(".cfg") ? {} : { network }), weights: weights ?? "", time_budget: time_budget ?? "", ...values });
  }
  if (query.has("data")) fill(form, { data: query.get("data") });
}

async function begin(event) {
  event.preventDefault();
  const wanted = asked(form);
  if (!wanted.data) return tellRefusal(form, needed());
  start.disabled = true;
  try {
    await takeBack();
    const headers = { "Idempotency-Key": once.key(wanted) };
    const training = await ask("/v1/trainings", { method: "POST", body: wanted, headers });
    once.done();
    clearMistakes(form); // not before: what moves under a second press would be pressed
    location.assign(`/runs/${training.id}`);
  } catch (refusal) {
    tellRefusal(form, refusal);
    start.disabled = false;
  }
}

function needed() {
  return { message: text("train.data_needed"), errors: [{ field: "data", expected: text("train.data_some"), got: text("train.data_none") }] };
}

function clear() {
  form.reset();
  localStorage.setItem(TYPED, JSON.stringify(typed(form)));
  clearMistakes(form);
  form.dispatchEvent(new Event("change"));
}
