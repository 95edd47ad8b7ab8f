/** Forms that lose nothing: what is typed outlives a reload, and what the service refuses stands beside its field. */

import { text } from "./texts.js";

/** Keep what is typed into a form in this browser, under a name; what was kept is put back now. */
export function keepTyped(form, name) {
  fill(form, JSON.parse(localStorage.getItem(name) ?? "{}"));
  form.addEventListener("input", () => localStorage.setItem(name, JSON.stringify(typed(form))));
}

/** Return what is typed, by the fields' names; empty fields are left out. */
export function typed(form) {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || field.type === "file") continue;
    const value = field.type === "checkbox" ? field.checked : field.value;
    if (value !== "" && value !== false) values[field.name] = value;
  }
  return values;
}

/** Put values into the fields of their names; fields without one stay as they are. */
export function fill(form, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name);
    if (!field) continue;
    if (field.type === "checkbox") field.checked = value === true || value === "true";
    else field.value = value;
    if (field.options && field.selectedIndex < 0) field.selectedIndex = 0; // what was chosen is not there any more
  }
}

/** Say what was refused: beside each field that it names, and of the rest at the form's end. */
export function tellRefusal(form, refusal) {
  clearMistakes(form);
  const left = refusal.errors.filter((error) => !tellMistake(form, error));
  if (left.length || !refusal.errors.length) form.querySelector("#form-mistake").textContent = refusal.message;
  form.querySelector('[aria-invalid="true"]')?.focus();
}

/** Take back what was said of the form's fields. */
export function clearMistakes(form) {
  for (const place of form.querySelectorAll(".mistake")) place.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Return whether the form has the field; the words then stand beside it, and it is shown where it was folded away. */
function tellMistake(form, { field: name, expected, got }) {
  const plain = name.replace(/^settings\./, "");
  const field = form.elements.namedItem(plain) ?? form.querySelector(`[aria-describedby~="${CSS.escape(plain)}-mistake"]`);
  const place = field && (document.getElementById(`${field.id}-mistake`) ?? document.getElementById(`${plain}-mistake`));
  if (!place) return false;
  place.textContent = text("script.expected", { expected, got });
  field.setAttribute("aria-invalid", "true");
  field.closest("details")?.setAttribute("open", "");
  return true;
}
