/** What the reader points at, a class or one object, stands out in the picture and in the tables; pressing it keeps it so. */

/** Let whatever has `data-class` or `data-object` in a panel stand out while it is pointed at or has the focus. */
export function followPointer(panel) {
  for (const [enter, leave] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    panel.addEventListener(enter, ({ target }) => lightUp(panel, chosenBy(target) || panel.dataset.kept));
    panel.addEventListener(leave, () => lightUp(panel, panel.dataset.kept));
  }
  panel.addEventListener("click", ({ target }) => {
    const button = target.closest("button[aria-pressed]");
    if (!button) return;
    panel.dataset.kept = button.getAttribute("aria-pressed") === "true" ? "" : chosenBy(button);
    showKept(panel);
  });
}

/** Let what was pressed stand out in boxes and tables that were made anew. */
export function showKept(panel) {
  const { kept } = panel.dataset;
  for (const button of panel.querySelectorAll("button[aria-pressed]")) {
    button.setAttribute("aria-pressed", String(Boolean(kept) && chosenBy(button) === kept));
  }
  lightUp(panel, kept);
}

/** Return the selector of what an element stands for: one object, or else a class; empty for neither. */
function chosenBy(element) {
  const data = element.closest("[data-object], [data-class]")?.dataset;
  if (!data) return "";
  return data.object === undefined ? `[data-class="${data.class}"]` : `[data-object="${data.object}"]`;
}

function lightUp(panel, selector) {
  panel.querySelector("svg").classList.toggle("pointed", Boolean(selector));
  for (const each of panel.querySelectorAll("[data-class]")) {
    each.classList.toggle("lit", Boolean(selector) && each.matches(selector));
  }
}
