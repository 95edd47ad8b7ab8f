/** Pictures that the reader gives: looked at by the browser, made smaller only where the service would refuse them. */

import { text } from "../texts.js";

const QUALITY = 0.92;

/**
 * Return a picture {name, file, address, width, height, answers}: the size is that of the picture as it is shown, after its
 * EXIF rotation, which the browser and the service both follow. Throws an Error in words for what the browser cannot show.
 */
export async function openPicture(file, limits) {
  if (file.type && !file.type.startsWith("image/")) throw noPicture(file); // however large it is, it is not read
  const opened = await measured(file);
  const share = Math.min(1, Math.sqrt(limits.pixels / (opened.width * opened.height)));
  if (share === 1 && file.size <= limits.bytes) return opened;
  URL.revokeObjectURL(opened.address);
  return measured(await smaller(opened, file.size > limits.bytes ? Math.min(share, 0.5) : share));
}

async function measured(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw noPicture(file);
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  return { name: file.name, file, address: image.src, image, width, height, answers: new Map() };
}

function noPicture({ name }) {
  return new Error(text("try.no_picture", { name }));
}

/** Return the picture as a JPEG file of a share of its width and height. */
async function smaller({ image, name, width, height }, share) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.floor(width * share);
  canvas.height = Math.floor(height * share);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return new File([blob], name, { type: "image/jpeg" });
}

/** Return the sample as a file, as if the reader had chosen it. */
export async function sampleFile(address) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Error(text("script.unreachable"));
  const name = address.slice(address.lastIndexOf("/") + 1);
  return new File([await response.blob()], name, { type: "image/jpeg" });
}

/** Call `take` with the files that are chosen, photographed, dropped anywhere on the page or pasted. */
export function listenForFiles(take) {
  const drop = document.getElementById("drop");
  for (const id of ["choose", "photograph"]) {
    document.getElementById(id).addEventListener("change", ({ target }) => {
      take([...target.files]);
      target.value = "";
    });
  }
  document.addEventListener("paste", ({ clipboardData }) => clipboardData.files.length && take([...clipboardData.files]));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
}
