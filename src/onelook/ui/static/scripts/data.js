/** The page of one data set: its check, its pictures by split, class or fault, and a new split. */

import { ask } from "./api.js";
import { labelled, showCheck } from "./check.js";
import { tellRefusal, clearMistakes } from "./forms.js";
import { number, plainly, text, typedNumber } from "./texts.js";

const PAGE = 24;
const id = document.getElementById("set").dataset.id;
const filter = document.getElementById("filter");
let start = 0;

document.getElementById("before").addEventListener("click", () => turn(-PAGE));
document.getElementById("after").addEventListener("click", () => turn(PAGE));
document.getElementById("split").addEventListener("submit", split);
document.getElementById("remove").addEventListener("click", remove);
filter.addEventListener("change", () => {
  start = 0;
  keepFilter();
  browse();
});

const found = await showCheck(document.getElementById("check"), id);
if (found) offer(found);
const query = new URLSearchParams(location.search);
for (const field of filter.elements) if (query.has(field.name)) field.value = query.get(field.name);
await browse();
document.getElementById("set").dataset.ready = "true";

/** Fill the filter's choices in with what there is. */
function offer({ codes, statistics: { splits, classes } }) {
  const choices = { split: Object.keys(splits), class: Object.keys(classes), code: codes.map((each) => each.code) };
  for (const [name, words] of Object.entries(choices)) {
    filter.elements.namedItem(name).append(...words.map((word) => new Option(word, word)));
  }
}

async function browse() {
  const asked = new URLSearchParams({ ...chosen(), start, limit: PAGE });
  const told = document.getElementById("pictures-told");
  try {
    const { total, images } = await ask(`/v1/data/${id}/images?${asked}`);
    document.getElementById("pictures").replaceChildren(...images.map((image) => labelled(id, image)));
    const last = Math.min(start + PAGE, total);
    told.textContent = total ? text("data.shown", { first: number(start + 1), last: number(last), total: number(total) }) : text("data.nothing");
    document.getElementById("before").disabled = start === 0;
    document.getElementById("after").disabled = last >= total;
  } catch (refusal) {
    told.textContent = refusal.message;
  }
}

function chosen() {
  return Object.fromEntries([...new FormData(filter)].filter(([, value]) => value));
}

function keepFilter() {
  history.replaceState(null, "", `${location.pathname}?${new URLSearchParams(chosen())}`);
}

function turn(by) {
  start = Math.max(0, start + by);
  browse();
}

async function split(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  const ratios = form.elements.ratios.value.split(/[\s/;]+/).filter(Boolean).map(share);
  button.disabled = true;
  try {
    const made = await ask(`/v1/data/${id}/split`, { method: "POST", body: { ratios, seed: typedNumber(form.elements.seed.value || "0") } });
    clearMistakes(form);
    location.assign(`/data/${made.id}`);
  } catch (refusal) {
    tellRefusal(form, refusal);
    button.disabled = false;
  }
}

/** Return per cent as a share of 1; what is no number stays as it was typed, to be refused by its name. */
function share(words) {
  const value = Number(plainly(words));
  return Number.isNaN(value) ? words : value / 100;
}

async function remove() {
  const mistake = document.getElementById("remove-mistake");
  if (!confirm(text("data.remove_sure"))) return;
  try {
    await ask(`/v1/data/${id}`, { method: "DELETE" });
    location.assign("/data");
  } catch (refusal) {
    mistake.textContent = refusal.message;
  }
}
