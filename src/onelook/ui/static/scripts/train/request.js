/** The network to train, and what the form asks of the service. */

import { ask } from "../api.js";
import { typed } from "../forms.js";
import { number, plainly, text } from "../texts.js";

const KEPT = "onelook-train-cfg";
const MOST_CFG = 1_000_000;
const MOST_NAME = 60;
const file = document.getElementById("cfg-file");
const away = document.getElementById("no-cfg");

/** Offer the networks by name, models to start from, and a cfg of the reader's own. */
export async function offerNetwork(networks) {
  document.getElementById("network").append(...networks.map((name) => new Option(name, name)));
  const { models } = await ask("/v1/models");
  const names = new Set(models.filter((each) => each.current).map((each) => each.name));
  document.getElementById("weights").append(...[...names].map((name) => new Option(name, name)));
  file.addEventListener("change", () => file.files.length && take(file.files[0]));
  away.addEventListener("click", () => useCfg(null));
  useCfg(JSON.parse(sessionStorage.getItem(KEPT)));
}

/** Return the request that the form stands for. */
export function asked(form) {
  const { data, network, weights, time_budget, path, ...settings } = typed(form);
  const cfg = JSON.parse(sessionStorage.getItem(KEPT));
  const body = { data, settings: plain(form, settings), ...(cfg ? { cfg: cfg.text, cfg_name: plainName(cfg.name) } : { network }) };
  return { ...body, ...(weights ? { weights } : {}), ...(time_budget ? { time_budget } : {}) };
}

/** Return settings with numbers as programs write them; a list keeps its commas. */
function plain(form, settings) {
  const isNumber = (name) => form.elements.namedItem(name)?.inputMode === "decimal";
  return Object.fromEntries(Object.entries(settings).map(([name, words]) => [name, isNumber(name) ? plainly(words) : words]));
}

async function take(chosen) {
  const mistake = document.getElementById("cfg-mistake");
  mistake.textContent = "";
  if (chosen.size > MOST_CFG) mistake.textContent = text("train.cfg_large", { size: number(chosen.size), most: number(MOST_CFG) });
  else useCfg({ name: chosen.name, text: await chosen.text() });
  file.value = "";
}

/** Return a file's name in the letters that the service takes. */
function plainName(name) {
  const stem = name.replace(/\.cfg$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return `${stem.slice(0, MOST_NAME) || "network"}.cfg`;
}

/** Keep a cfg {name, text} for a reload of this tab, and show that it goes before the network by name; null is none. */
export function useCfg(cfg) {
  sessionStorage.setItem(KEPT, JSON.stringify(cfg));
  document.getElementById("cfg-told").textContent = cfg ? text("train.cfg_used", { name: cfg.name }) : "";
  document.getElementById("network").disabled = cfg !== null;
  away.hidden = cfg === null;
  file.form.dispatchEvent(new Event("input"));
}
