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
const form = document.getElementById("form");
const start = document.getElementById("start");

const { settings, networks } = await ask("/v1/trainings/settings");
offerSettings(settings);
await Promise.all([offerNetwork(networks), offerData(form)]);
keepTyped(form, TYPED);
await beginWith(new URLSearchParams(location.search));
form.dispatchEvent(new Event("change", { bubbles: true }));

form.addEventListener("input", () => foresee(form));
form.addEventListener("change", () => foresee(form));
document.getElementById("clear").addEventListener("click", clear);
form.addEventListener("submit", begin);
form.dataset.ready = "true";
foresee(form);

/** Fill in another training's settings, or data, that the address names. */
async function beginWith(query) {
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
  clearMistakes(form);
  const wanted = asked(form);
  if (!wanted.data) return tellRefusal(form, needed());
  start.disabled = true;
  try {
    await takeBack();
    const headers = { "Idempotency-Key": once.key(wanted) };
    const training = await ask("/v1/trainings", { method: "POST", body: wanted, headers });
    once.done();
    location.assign(`/runs/${training.id}`);
  } catch (refusal) {
    tellRefusal(form, refusal);
  } finally {
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
