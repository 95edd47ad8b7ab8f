/** The same training asked for twice, by two clicks or in two tabs, is one: the same words give the same Idempotency-Key. */

const KEPT = "onelook-train-round";
const round = localStorage.getItem(KEPT) ?? next();

export const once = {
  /** Return the key of a request, as long as nothing was started from this page. */
  key: (wanted) => `${round}-${sum(JSON.stringify(wanted))}`,
  /** Let pages that are opened from now on start the same anew. */
  done: next,
};

function next() {
  const made = [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join("");
  localStorage.setItem(KEPT, made);
  return made;
}

/** FNV-1a, 32 bits: crypto.subtle is not there on plain http. */
function sum(words) {
  let total = 0x811c9dc5;
  for (const letter of words) total = Math.imul(total ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return total.toString(16);
}
