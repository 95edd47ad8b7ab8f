/** The page Try: pictures in, boxes out. Each picture is asked about once a model, with a low score; the slider only hides. */

import { ask } from "./api.js";
import { percent } from "./texts.js";
import { offerCamera } from "./try/camera.js";
import { chosenModels, keepChoice, offerModels } from "./try/models.js";
import { makePanel, offerDownloads, seenBy, showMistake, showPicture, showSeen } from "./try/panel.js";
import { listenForFiles, openPicture, sampleFile } from "./try/pictures.js";

const LEAST = 0.05;
const STARTING = "no_worker";
const MOST_SECONDS = 30;

const asking = document.getElementById("asking");
const limits = { bytes: Number(asking.dataset.mostBytes), pixels: Number(asking.dataset.mostPixels) };
const slider = document.getElementById("score");
const pictures = [];
let shown = null;
let round = 0;

/** Take files in the reader's order; what is no picture is said, the others are looked at. */
async function take(files) {
  const mistakes = [];
  tellPictures([]);
  for (const file of files) {
    try {
      pictures.push(await openPicture(file, limits));
      shown = pictures.at(-1);
    } catch (error) {
      mistakes.push(error.message);
    }
    tellPictures(mistakes);
  }
  listPictures();
  const looked = look();
  showResults();
  await looked;
}

/** Bring what was found into view where a small screen hides it. */
function showResults() {
  const panels = document.getElementById("panels");
  if (shown && panels.getBoundingClientRect().top > innerHeight / 2) panels.scrollIntoView();
}

/** Show the chosen picture by the chosen models, then ask about the other pictures, so that files can be had of all. */
async function look() {
  const models = chosenModels();
  const current = ++round;
  keepChoice();
  showPanels(models);
  if (!shown || !models.length) return;
  const answered = await Promise.all(models.map((model) => lookBy(model, shown, current)));
  if (answered.every(Boolean)) await lookAtOthers(models, current).catch(() => null); // said when that picture is shown
}

async function lookAtOthers(models, current) {
  for (const picture of pictures) {
    for (const model of models) if (current === round) await seen(picture, model);
  }
}

/** Show a picture by one model, and return whether there was an answer. */
async function lookBy(model, picture, current) {
  const panel = panelOf(model);
  showPicture(panel, picture);
  try {
    const answer = await seen(picture, model);
    if (current === round) showSeen(panel, seenBy(picture, answer, leastScore()));
    return true;
  } catch (error) {
    if (current === round) showMistake(panel, error.message);
    return false;
  }
}

/** Return the service's answer about a picture, asked for once; one that failed is asked for again. */
function seen(picture, model) {
  const known = picture.answers.get(model);
  if (known) return known.promise;
  const entry = { answer: null };
  entry.promise = askPatiently(picture, model).then(
    (answer) => (entry.answer = answer),
    (error) => {
      picture.answers.delete(model);
      throw error;
    },
  );
  picture.answers.set(model, entry);
  return entry.promise;
}

/** Ask again each second while no worker lives yet: a service that was just started needs some. */
async function askPatiently(picture, model) {
  for (let seconds = 0; ; seconds++) {
    try {
      return await askAbout(picture, model);
    } catch (error) {
      if (error.code !== STARTING || seconds === MOST_SECONDS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function askAbout({ file }, model) {
  const wanted = new URLSearchParams({ model, threshold: LEAST });
  const kind = file.type.startsWith("image/") ? file.type : "application/octet-stream";
  return ask(`/v1/detect?${wanted}`, { method: "POST", body: file, headers: { "Content-Type": kind } });
}

/** Make the panels of these models, keeping those that stand already. */
function showPanels(models) {
  const box = document.getElementById("panels");
  const wanted = shown ? models : [];
  box.replaceChildren(...wanted.map((model) => panelOf(model) ?? newPanel(model)));
}

function newPanel(model) {
  const panel = makePanel(model, look);
  const seenAs = (picture) => seenBy(picture, picture.answers.get(model).answer, leastScore());
  const answered = () => pictures.filter((each) => each.answers.get(model)?.answer);
  offerDownloads(panel, () => seenAs(shown), () => answered().map(seenAs));
  return panel;
}

function panelOf(model) {
  return document.querySelector(`.panel[data-model="${CSS.escape(model)}"]`);
}

/** List the pictures once there are several, to choose which is shown. */
function listPictures() {
  const list = document.getElementById("pictures");
  list.replaceChildren(...(pictures.length > 1 ? pictures.map(listed) : []));
}

function listed(picture) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", String(picture === shown));
  button.append(Object.assign(new Image(), { src: picture.address, alt: picture.name }));
  button.addEventListener("click", () => {
    shown = picture;
    for (const each of document.querySelectorAll("#pictures button")) each.setAttribute("aria-pressed", String(each === button));
    look();
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function leastScore() {
  return slider.value / 100;
}

function tellScore() {
  document.getElementById("score-told").textContent = percent(leastScore());
  for (const panel of document.querySelectorAll(".panel")) {
    const answer = shown.answers.get(panel.dataset.model)?.answer;
    if (answer) showSeen(panel, seenBy(shown, answer, leastScore()));
  }
}

function tellPictures(mistakes) {
  document.getElementById("picture-mistake").textContent = mistakes.join(" ");
}

async function begin() {
  listenForFiles(take);
  offerCamera(take, (mistake) => tellPictures([mistake]));
  slider.addEventListener("input", tellScore);
  tellScore();
  for (const id of ["models", "beside"]) document.getElementById(id).addEventListener("change", look);
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => sampleFile(button.dataset.sample).then((file) => take([file]), (error) => tellPictures([error.message])));
  }
  try {
    document.getElementById("model-mistake").textContent = await offerModels();
  } catch (error) {
    document.getElementById("model-mistake").textContent = error.message;
  }
  await look();
}

await begin();
