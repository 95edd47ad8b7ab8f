/** What a run takes of the machine, as its latest sample says. */

import { size } from "../amounts.js";
import { percent, text } from "../texts.js";

export function showResources(place, sample) {
  document.getElementById("resources-none").hidden = Boolean(sample);
  if (!sample) return;
  const cores = sample.cpu ?? [];
  const busy = cores.reduce((sum, core) => sum + core, 0) / (100 * Math.max(1, cores.length));
  const rows = [
    [text("run.processor"), percent(busy)],
    [text("run.memory"), size(sample.memory)],
    [text("run.available"), size(sample.available)],
    [text("run.disk_free"), size(sample.disk_free)],
    ...(sample.gpu ?? []).map((card, index) => [text("run.card", { number: index + 1 }), described(card)]),
  ];
  place.replaceChildren(...rows.flatMap(([name, value]) => [made("dt", name), made("dd", value)]));
}

function described({ utilisation, memory, temperature }) {
  const parts = [utilisation === null ? "" : percent(utilisation / 100), memory === null ? "" : size(memory), temperature === null ? "" : `${temperature} °C`];
  return parts.filter(Boolean).join(", ");
}

function made(kind, words) {
  return Object.assign(document.createElement(kind), { textContent: words });
}
