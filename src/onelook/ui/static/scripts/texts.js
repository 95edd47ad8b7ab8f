/** The page's words in the reader's language, as the server put them into the page. */

const texts = JSON.parse(document.getElementById("texts").textContent);

/** Return the text of a key, each `{name}` in it replaced by values.name. Throws for a key that the page does not have. */
export function text(key, values = {}) {
  if (!(key in texts)) throw new Error(`no text ${key}`);
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Return the text of a key, undefined where the page has none: what stands for others may have come since. */
export function known(key) {
  return texts[key];
}

/** Return a number as the reader writes it. */
export function number(value, digits = 0) {
  return value.toLocaleString(document.documentElement.lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Return a number that may be large or small, with six digits that count. */
export function brief(value) {
  return value.toLocaleString(document.documentElement.lang, { maximumSignificantDigits: 6 });
}

/** Return what a reader has typed as programs write it: where fractions begin with a comma, 0,5 is 0.5. */
export function plainly(words) {
  const isComma = number(0.5, 1).includes(",");
  return isComma && /^\s*-?\d+,\d+\s*$/.test(words) ? words.trim().replace(",", ".") : words;
}

/** Return the number that was typed; what is none stays as it was typed, to be refused by its name. */
export function typedNumber(words) {
  const value = Number(plainly(words));
  return words.trim() === "" || Number.isNaN(value) ? words : value;
}

/** Return a share of 1 in per cent. */
export function percent(value) {
  return value.toLocaleString(document.documentElement.lang, { style: "percent", maximumFractionDigits: 0 });
}
