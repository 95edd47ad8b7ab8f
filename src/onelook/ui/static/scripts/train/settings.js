/** A field for every hyperparameter, made from what the service says of it: bounds, choices, default, meaning. */

import { brief, known, text } from "../texts.js";

const MAIN = ["epochs", "batch", "width", "height", "learning_rate", "seed"];

/** Put the usual ones in sight, all others below, to be found by their names and words. */
export function offerSettings(settings) {
  const main = MAIN.map((name) => settings.find((each) => each.name === name));
  document.getElementById("main-settings").append(...main.map(field), budget());
  const more = settings.filter((each) => !MAIN.includes(each.name)).map(field);
  document.getElementById("more-settings").append(...more);
  const find = document.getElementById("find");
  find.addEventListener("input", () => {
    const word = find.value.trim().toLowerCase();
    for (const each of more) each.hidden = !each.textContent.toLowerCase().includes(word);
  });
}

function field(setting) {
  const { name, kind, choices } = setting;
  const words = known(`setting.${name}`) ?? setting.words;
  const made = document.createElement("div");
  const label = Object.assign(document.createElement("label"), { htmlFor: `set-${name}`, textContent: name });
  const input = kind === "flag" || choices.length ? select(setting) : box(setting);
  Object.assign(input, { id: `set-${name}`, name });
  input.setAttribute("aria-describedby", `set-${name}-hint set-${name}-mistake`);
  const hint = Object.assign(document.createElement("p"), { className: "hint", id: `set-${name}-hint` });
  hint.append(...withCode(words));
  const mistake = Object.assign(document.createElement("p"), { className: "mistake", id: `set-${name}-mistake`, role: "alert" });
  made.append(label, input, hint, mistake);
  return made;
}

/** Return words whose every second part between backticks is code. */
function withCode(words) {
  return words.split("`").map((part, index) => (index % 2 ? Object.assign(document.createElement("code"), { textContent: part }) : part));
}

function select({ kind, choices, ...setting }) {
  const made = document.createElement("select");
  const words = kind === "flag" ? ["true", "false"] : choices;
  made.append(new Option(usual(setting), ""), ...words.map((word) => new Option(word, word)));
  return made;
}

function box({ kind, least, most, ...setting }) {
  const made = document.createElement("input");
  made.placeholder = usual(setting);
  made.autocomplete = "off";
  if (kind === "number" || kind === "whole") {
    made.inputMode = "decimal";
    if (most !== null) made.title = text("train.between", { least: brief(least), most: brief(most) });
  }
  return made;
}

function usual({ default: value }) {
  return value === null || value === "" ? text("train.derived") : text("train.default", { value });
}

function budget() {
  const made = field({ name: "time_budget", words: text("train.budget_hint"), kind: "word", choices: [], default: null });
  made.querySelector("label").textContent = text("train.budget");
  made.querySelector("input").placeholder = text("train.budget_none");
  return made;
}
