/** What the reader points at, a class or one object, stands out in the picture and in the tables; pressing it keeps it so. */

/** Let whatever has `data-class` or `data-object` in a panel stand out while it is pointed at or has the focus. */
export function followPointer(panel) {
  let kept = null;
  const light = (chosen) => lightUp(panel, chosen ?? kept);
  for (const [enter, leave] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    panel.addEventListener(enter, ({ target }) => light(chosenBy(target)));
    panel.addEventListener(leave, () => light(null));
  }
  panel.addEventListener("click", ({ target }) => {
    const button = target.closest("button[aria-pressed]");
    if (!button) return;
    const pressed = button.getAttribute("aria-pressed") === "true";
    for (const each of panel.querySelectorAll("button[aria-pressed]")) each.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(!pressed));
    kept = pressed ? null : chosenBy(button);
    light(kept);
  });
}

/** Return the selector of what an element stands for: one object, or else a class; null for neither. */
function chosenBy(element) {
  const data = element.closest("[data-object], [data-class]")?.dataset;
  if (!data) return null;
  return data.object === undefined ? `[data-class="${data.class}"]` : `[data-object="${data.object}"]`;
}

function lightUp(panel, selector) {
  panel.querySelector("svg").classList.toggle("pointed", Boolean(selector));
  for (const each of panel.querySelectorAll("[data-class]")) {
    each.classList.toggle("lit", Boolean(selector) && each.matches(selector));
  }
}
