/** The models that the reader's key may use, as radio buttons and as the list for a second one beside. */

import { ask } from "../api.js";
import { text } from "../texts.js";

/** Fill in the choices: that of `?model=` is chosen, else the default, else the first. Return in words what was asked for in vain. */
export async function offerModels() {
  const names = usable((await ask("/v1/models")).models);
  const isThere = (name) => names.some((each) => each.name === name);
  const chosen = [asked("model"), "default", names[0]?.name].find(isThere);
  const gone = [asked("model"), asked("beside")].filter((name) => name && !isThere(name));
  document.getElementById("no-model").hidden = names.length > 0;
  document.getElementById("models").replaceChildren(...names.map((each) => choice(each, each.name === chosen)));
  const beside = document.getElementById("beside");
  beside.replaceChildren(beside.options[0], ...names.map(({ name }) => new Option(name, name, false, name === asked("beside"))));
  return gone.map((name) => text("try.gone", { name })).join(" ");
}

/** Return the names of the models that are chosen: one or two, none where there is none. */
export function chosenModels() {
  const first = document.querySelector('input[name="model"]:checked')?.value;
  const second = document.getElementById("beside").value;
  return [first, second === first ? "" : second].filter(Boolean);
}

/** Keep the choice in the page's address, for a reload and for whoever is sent it. */
export function keepChoice() {
  const address = new URL(location.href);
  const [model = "", beside = ""] = chosenModels();
  for (const [name, value] of Object.entries({ model, beside })) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  history.replaceState(null, "", address);
}

/** A client's own model hides the shared one of the same name, here as in the service. */
function usable(models) {
  const current = models.filter((each) => each.current);
  const own = new Set(current.filter((each) => !each.shared).map((each) => each.name));
  return current.filter((each) => !each.shared || !own.has(each.name));
}

function choice({ name, shared }, checked) {
  const label = document.createElement("label");
  label.className = "choice";
  const input = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: name, checked });
  label.append(input, shared ? text("try.shared", { name }) : name);
  return label;
}

function asked(name) {
  return new URLSearchParams(location.search).get(name);
}
