/** The forecast follows the form: at once what can be reckoned here, and a moment later what the service has measured. */

import { duration, size } from "../amounts.js";
import { ask } from "../api.js";
import { number, text } from "../texts.js";
import { picturesOf } from "./data.js";
import { asked } from "./request.js";

const PAUSE = 1500;
const LOOK = 1000;
const BATCH = 8;
const EPOCHS = 50;
const ROUNDING = 1e-6;
let timer = 0;
let under = null;
let told = "";

/** Reckon now, and ask the service once nothing was changed for a moment; an older question is taken back. */
export function foresee(form) {
  const wanted = asked(form);
  reckon(wanted);
  if (JSON.stringify(wanted) === told) return;
  told = JSON.stringify(wanted);
  takeBack();
  say(text(wanted.data ? "train.foreseeing" : "train.forecast_none"), null); // older numbers are of other settings
  if (wanted.data) timer = setTimeout(() => forecast(wanted), PAUSE);
}

function reckon({ settings }) {
  const images = picturesOf();
  const batch = Number(settings.batch ?? Math.min(BATCH, images ?? BATCH));
  const steps = Number(settings.max_batches ?? Math.ceil((Number(settings.epochs ?? EPOCHS) * images) / batch - ROUNDING));
  const known = images !== null && steps > 0 && batch > 0;
  document.getElementById("quick").textContent = known
    ? text("train.quick", { steps: number(steps), seen: number(steps * batch), images: number(images) })
    : "";
}

async function forecast(wanted) {
  const mine = (under = { id: null });
  try {
    let training = await ask("/v1/trainings", { method: "POST", body: { ...wanted, kind: "forecast" } });
    mine.id = training.id;
    while (mine === under && ["waiting", "running"].includes(training.state)) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      training = await ask(`/v1/trainings/${mine.id}`);
      if (mine === under && training.state === "waiting") say(text("train.forecast_waits"), null);
    }
    if (mine !== under) return stop(mine.id);
    if (training.state === "done") say(text("train.foreseen"), training.result);
    else say(training.error || text("train.forecast_none"), null);
  } catch (refusal) {
    if (mine === under) say(refusal.message, null);
  }
}

/** Let the service forget the question that is under way: a training would wait for its answer. */
export function takeBack() {
  clearTimeout(timer);
  const id = under?.id;
  under = null;
  return id ? stop(id) : null;
}

addEventListener("pagehide", takeBack);

function stop(id) {
  return ask(`/v1/trainings/${id}/stop`, { method: "POST", keepalive: true }).catch(() => null);
}

function say(words, found) {
  document.getElementById("forecast-told").textContent = words;
  document.getElementById("forecast").replaceChildren();
  document.getElementById("forecast-lines").replaceChildren();
  if (!found) return;
  document.getElementById("forecast").append(...numbers(found));
  document.getElementById("forecast-lines").append(...lines(found));
}

function numbers({ seconds, low, high, images_per_second: speed, memory, available, disk, disk_free: free }) {
  const rows = [
    [text("train.takes"), text("train.takes_between", { time: duration(seconds), low: duration(low), high: duration(high) })],
    [text("train.speed"), text("train.images_a_second", { speed: number(speed, 1) })],
    [text("train.memory"), text("train.of", { part: size(memory), whole: size(available) })],
    [text("train.disk"), text("train.of", { part: size(disk), whole: size(free) })],
  ];
  return rows.flatMap(([name, value]) => [term(name), Object.assign(document.createElement("dd"), { textContent: value })]);
}

/** Return what stands in the way of the run. */
function lines({ memory, available, disk, disk_free: free, limit }) {
  const told = [];
  if (memory > available || limit === "memory") told.push(text("train.memory_short"));
  if (disk > free) told.push(text("train.disk_short"));
  return told.map((words) => Object.assign(document.createElement("li"), { className: "mistake", textContent: words }));
}

function term(words) {
  return Object.assign(document.createElement("dt"), { textContent: words });
}
