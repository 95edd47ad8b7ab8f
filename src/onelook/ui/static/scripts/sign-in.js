/** The dialog that opens an ended session anew, over a page that stays as it is. */

import { text } from "./texts.js";

const dialog = document.getElementById("sign-in");
let asking = null;

/** Return whether the reader signed in again; any number of callers share one dialog. */
export function askToSignIn() {
  asking ??= shown().finally(() => (asking = null));
  return asking;
}

function shown() {
  const form = dialog.querySelector("form");
  form.reset();
  dialog.returnValue = "";
  tell("");
  dialog.showModal();
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      if (event.submitter?.value === "cancel") return dialog.close();
      if (await signIn(new FormData(form))) dialog.close("signed-in");
    };
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "signed-in"), { once: true });
  });
}

/** Return whether the key was good; the token of the new session takes the old one's place in the page. */
async function signIn(body) {
  tell("");
  try {
    const response = await fetch("/session", { method: "POST", body, headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(text("script.wrong_key"));
    const { csrf } = await response.json();
    document.querySelector('meta[name="csrf"]').content = csrf;
    for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = csrf;
    return true;
  } catch (error) {
    tell(error instanceof TypeError ? text("script.unreachable") : error.message);
    return false;
  }
}

function tell(mistake) {
  document.getElementById("sign-in-mistake").textContent = mistake;
}
