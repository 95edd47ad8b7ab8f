/** The data to train on: what is kept already, a zip that is uploaded, or a folder on the server; checked as soon as it is chosen. */

import { ask } from "../api.js";
import { showCheck } from "../check.js";
import { tellRefusal } from "../forms.js";
import { number, percent, text } from "../texts.js";

const select = document.getElementById("data");
const zip = document.getElementById("zip");
let shown = "";

/** Offer what is kept, and let more be brought. */
export async function offerData(form) {
  const { data } = await ask("/v1/data");
  select.append(...data.map(option));
  select.addEventListener("change", show);
  form.addEventListener("change", show);
  zip.addEventListener("change", () => zip.files.length && upload(form, zip.files[0]));
  document.getElementById("use-path")?.addEventListener("click", () => name(form));
}

/** Return the number of pictures to train on in the chosen data; null while that is not known. */
export function picturesOf(option = select.selectedOptions[0]) {
  return option?.dataset.train ? Number(option.dataset.train) : null;
}

function option({ id, name, images, boxes }) {
  return new Option(text("train.data_entry", { name, images: number(images), boxes: number(boxes) }), id);
}

async function show() {
  if (select.value === shown) return;
  shown = select.value;
  const place = document.getElementById("check");
  if (!shown) return place.replaceChildren();
  const chosen = select.selectedOptions[0];
  const found = await showCheck(place, shown);
  if (found) chosen.dataset.train = found.statistics.splits.train ?? found.statistics.images;
  select.form.dispatchEvent(new Event("input"));
}

async function upload(form, file) {
  const most = Number(form.dataset.mostData);
  document.getElementById("zip-mistake").textContent = "";
  if (file.size > most) return refused(text("train.zip_large", { most: number(most / 2 ** 20), size: number(file.size / 2 ** 20) }));
  const told = document.getElementById("zip-told");
  const progress = (share) => {
    told.textContent = share < 1 ? text("train.uploading", { name: file.name, share: percent(share) }) : text("train.reading", { name: file.name });
  };
  progress(0);
  zip.disabled = true;
  addEventListener("beforeunload", keep);
  try {
    const called = encodeURIComponent(file.name.replace(/\.zip$/i, "").slice(0, 200) || "data");
    take(await ask(`/v1/data?name=${called}`, { method: "POST", body: file, headers: { "Content-Type": "application/zip" }, progress }));
    zip.value = "";
  } catch (refusal) {
    refused(refusal.message);
  } finally {
    removeEventListener("beforeunload", keep);
    zip.disabled = false;
    told.textContent = "";
  }
}

/** Let the browser ask before a page is left whose upload would be lost. */
function keep(event) {
  event.preventDefault();
}

function refused(words) {
  document.getElementById("zip-mistake").textContent = words;
  zip.setAttribute("aria-invalid", "true");
}

async function name(form) {
  const path = document.getElementById("path").value.trim();
  const last = path.split("/").filter(Boolean).at(-1);
  const button = document.getElementById("use-path");
  button.disabled = true;
  try {
    take(await ask("/v1/data", { method: "POST", body: { path, name: last?.slice(0, 200) || "data" } }));
  } catch (refusal) {
    tellRefusal(form, refusal);
  } finally {
    button.disabled = false;
  }
}

/** Choose data that has just come. */
function take(data) {
  zip.removeAttribute("aria-invalid");
  const made = option(data);
  select.append(made);
  made.selected = true;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  select.dispatchEvent(new Event("input", { bubbles: true }));
}
