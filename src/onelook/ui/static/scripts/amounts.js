/** Times and sizes as people say them. */

import { number, text } from "./texts.js";

/** Return seconds as 45 s, 12 min or 3.5 h. */
export function duration(seconds) {
  if (seconds < 90) return text("script.seconds", { count: number(seconds) });
  if (seconds < 5400) return text("script.minutes", { count: number(seconds / 60) });
  return text("script.hours", { count: number(seconds / 3600, 1) });
}

/** Return bytes as 350 MB or 1.4 GB, powers of ten. */
export function size(bytes) {
  return bytes >= 1e9 ? `${number(bytes / 1e9, 1)} GB` : `${number(bytes / 1e6)} MB`;
}
