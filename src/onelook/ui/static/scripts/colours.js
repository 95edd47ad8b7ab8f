/** A colour a class, the one that `onelook predict` draws it in: hues a golden angle apart, so that neighbours differ. */

export function classColour(index) {
  return `hsl(${((0.02 + index * 0.381966) % 1) * 360} 89% 55%)`;
}
