/** The page's words in the reader's language, as the server put them into the page. */

const texts = JSON.parse(document.getElementById("texts").textContent);

/** Return the text of a key, each `{name}` in it replaced by values.name. Throws for a key that the page does not have. */
export function text(key, values = {}) {
  if (!(key in texts)) throw new Error(`no text ${key}`);
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Return a number as the reader writes it. */
export function number(value, digits = 0) {
  return value.toLocaleString(document.documentElement.lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Return a share of 1 in per cent. */
export function percent(value) {
  return value.toLocaleString(document.documentElement.lang, { style: "percent", maximumFractionDigits: 0 });
}
