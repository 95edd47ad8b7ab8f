/** A photo by the camera of this computer; a phone's own camera is asked by the button beside, as a file. */

import { text } from "../texts.js";

const QUALITY = 0.92;
const WANTED = { video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } }, audio: false };
const MISTAKES = { NotAllowedError: "try.camera_refused", NotFoundError: "try.camera_none", OverconstrainedError: "try.camera_none" };
const button = document.getElementById("camera");
const dialog = document.getElementById("camera-dialog");
const view = document.getElementById("camera-view");

/** Offer the camera where the browser has the means; `take` gets the photo as a file, `tell` why there is none. */
export function offerCamera(take, tell) {
  button.hidden = !navigator.mediaDevices?.getUserMedia;
  button.addEventListener("click", () => look(tell));
  dialog.addEventListener("close", close);
  document.getElementById("camera-close").addEventListener("click", () => dialog.close());
  document.getElementById("camera-take").addEventListener("click", async () => {
    const file = await photo();
    dialog.close();
    take([file]);
  });
}

async function look(tell) {
  button.disabled = true;
  tell("");
  try {
    view.srcObject = await navigator.mediaDevices.getUserMedia(WANTED);
    dialog.showModal();
    await view.play();
  } catch (error) {
    dialog.close();
    tell(text(MISTAKES[error.name] ?? "try.camera_failed", { why: error.message }));
  } finally {
    button.disabled = false;
  }
}

async function photo() {
  const { videoWidth: width, videoHeight: height } = view;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(view, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  const now = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return new File([blob], `photo-${now}.jpg`, { type: "image/jpeg" });
}

/** Let go of the camera: its light goes out. */
function close() {
  for (const track of view.srcObject?.getTracks() ?? []) track.stop();
  view.srcObject = null;
}
