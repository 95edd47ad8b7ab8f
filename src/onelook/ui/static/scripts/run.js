/** The page of one run: curves, pictures, resources and log as they come; and what can be done with it. */

import { duration } from "./amounts.js";
import { ask, Refusal, request } from "./api.js";
import { makeChart } from "./charts.js";
import { clearMistakes, tellRefusal } from "./forms.js";
import { follow } from "./run/follow.js";
import { showMistakes } from "./run/mistakes.js";
import { showResources } from "./run/resources.js";
import { showSamples } from "./run/samples.js";
import { number, text } from "./texts.js";

const place = document.getElementById("run");
const path = `/v1/trainings/${place.dataset.run}`;
const element = (id) => document.getElementById(id);
const charts = {
  loss: makeChart(element("loss"), [text("script.loss")]),
  score: makeChart(element("score"), [text("script.score")]),
  rate: makeChart(element("rate"), [text("run.rate")]),
};
const MOST_LOG = 64 * 1024;
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const lines = [];
let next = 0;
let evaluations = 0;

element("name").value = suggested();
element("stop").addEventListener("click", () => change("stop"));
element("resume").addEventListener("click", () => change("resume"));
element("again").addEventListener("click", goOn);
element("try").addEventListener("click", tryModel);
element("promote").addEventListener("submit", promote);
element("log").addEventListener("toggle", showLog);
let stopFollowing = follow(path, look, tell);

/** Ask for what is new and show it; return whether more is to come. */
async function look() {
  const found = await ask(`${path}/progress?after=${next}`);
  if (found.next < next) location.reload();
  lines.push(...found.lines);
  next = found.next;
  showState(found);
  showCurves();
  showResources(element("resources"), found.resources);
  if (found.evaluations !== evaluations) await showSamples(path, (evaluations = found.evaluations));
  if (element("log").open) await showLog();
  if (found.training.state === "done") await showMistakes(path);
  tell("");
  return ["waiting", "running"].includes(found.training.state);
}

function showState({ training, steps, seconds_left: left }) {
  const { state, error } = training;
  const step = lines.at(-1)?.step ?? 0;
  element("state").textContent = text(`script.state_${state}`);
  element("state").className = `state ${state}`;
  element("error").textContent = error ?? "";
  element("progress").value = steps ? step / steps : 0;
  const pace = left === null ? "" : text("run.left", { time: duration(left) });
  element("told").textContent = steps ? `${text("run.step", { step: number(step), steps: number(steps) })} ${pace}` : "";
  element("stop").hidden = !["waiting", "running"].includes(state);
  element("resume").hidden = !["stopped", "failed"].includes(state);
  element("report").hidden = state !== "done";
  element("try").hidden = element("promote").hidden = !lines.some((line) => line.kind === "eval");
}

function showCurves() {
  const steps = lines.filter((line) => line.kind === "step");
  const evaluated = lines.filter((line) => line.kind === "eval");
  charts.loss.show([steps.filter((line) => line.loss !== null).map((line) => [line.step, line.loss])]);
  charts.rate.show([steps.map((line) => [line.step, line.learning_rate])]);
  charts.score.show([evaluated.map((line) => [line.step, line.ap50 ?? line.top1 ?? null])]);
}

async function showLog() {
  if (!element("log").open) return;
  try {
    const words = await (await request(`${path}/log`)).text();
    element("log").querySelector("pre").textContent = words;
    element("log-told").textContent = words ? text("run.log_end", { size: number(MOST_LOG / 1024) }) : text("run.log_none");
  } catch (refusal) {
    element("log-told").textContent = refusal.message;
  }
}

/** Ask for one change, once, however often the button is pressed meanwhile. */
async function change(what) {
  element(what).disabled = true;
  try {
    await ask(`${path}/${what}`, { method: "POST" });
    goOn();
  } catch (refusal) {
    tell(refusal.message);
  } finally {
    element(what).disabled = false;
  }
}

function goOn() {
  stopFollowing();
  stopFollowing = follow(path, look, tell);
}

/** Let the best model so far serve under a name of its own, and go and try it. */
async function tryModel() {
  element("try").disabled = true;
  try {
    const { name } = await ask(`${path}/promote`, { method: "POST", body: { name: suggested() } });
    location.assign(`/?model=${encodeURIComponent(name)}`);
  } catch (refusal) {
    tell(refusal.message);
    element("try").disabled = false;
  }
}

async function promote(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  element("promoted").textContent = "";
  const name = form.elements.name.value.trim();
  const receiver = form.elements.client.value;
  const whose = receiver === "shared" ? { shared: true } : receiver ? { client: receiver } : {};
  try {
    if (!NAME.test(name)) throw misnamed(name);
    const made = await ask(`${path}/promote`, { method: "POST", body: { name, ...whose } });
    clearMistakes(form);
    element("promoted").textContent = text("run.promoted", { name: made.name, version: made.version });
  } catch (refusal) {
    tellRefusal(form, refusal);
  } finally {
    button.disabled = false;
  }
}

/** Return the refusal of a name that no model may have, in words; the service has the same rule. */
function misnamed(name) {
  const error = { field: "name", expected: text("run.name_rule"), got: name || text("run.name_none") };
  return new Refusal(text("script.expected", error), 0, { errors: [error] });
}

/** Return a name for the run's model: of its data, and of the run, so that two never meet. */
function suggested() {
  const data = place.dataset.data.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "");
  return `${data || "run"}`.slice(0, 50) + `-${place.dataset.run.slice(1, 7)}`;
}

/** Say what goes wrong, nothing for all is well; where the page has stopped asking, a button lets it go on. */
function tell(words, hasEnded = false) {
  element("mistake").textContent = words;
  element("again").hidden = !hasEnded;
}
