// The page: it takes photos and shows which classes are where. engine.js runs the model.

import { openEngine } from "./engine.js";
import { saveAll, saveCutOut, saveLabels, saveMask, saveOverlay } from "./downloads.js";
import { counted, darkened, overlay, resampled } from "./painting.js";
import { filesIn, openPhoto, shoot } from "./photos.js";

const $ = (id) => document.getElementById(id);
const photos = []; // {…photo, model, result, view, counts, shown}, and `problem`, in words, if the last try failed
let engine, current, started;
let adding = 0; // how many groups of photos are being added
let problems = []; // of these photos, in words
let colours = {}; // {model's name: [[r, g, b], …]}, as chosen by the user

addListeners();
started = start();
started.catch(showError);

async function start() {
  busy("Loading the model …");
  engine = await openEngine(askForToken);
  busy();
  $("engine").textContent = engine.note;
  $("privacy").textContent = engine.privacy;
  for (const model of engine.models) {
    colours[model.name] = model.colours.map((colour) => [...colour]);
    $("model").append(new Option(model.name, model.name));
  }
  $("model-choice").hidden = engine.models.length < 2;
}

/** Gives the token that the user enters, or null if the user cancels. `problem`: what is wrong with the last one. */
function askForToken(problem) {
  const dialog = $("token-dialog");
  $("token").value = dialog.returnValue = "";
  $("token-problem").textContent = problem;
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "continue" ? $("token").value : null), { once: true });
  });
}

// Adding photos

function addListeners() {
  for (const button of document.querySelectorAll(".choose")) button.onclick = () => $("files").click();
  for (const button of document.querySelectorAll(".camera")) button.onclick = takePhoto;
  $("files").onchange = () => add([...$("files").files]);
  addEventListener("paste", (event) => add(filesIn(event.clipboardData)));
  addEventListener("dragover", (event) => dropping(event, true));
  addEventListener("dragleave", (event) => dropping(event, false));
  addEventListener("drop", (event) => {
    dropping(event, false);
    const files = filesIn(event.dataTransfer);
    if (!files.length) showError(new Error("What you dropped is no file; save the photo first, and drop the file."));
    add(files);
  });
  $("model").onchange = () => current && processPhoto(current);
  $("opacity").oninput = $("outlines").onchange = draw;
  $("unsure").onchange = showUnsure;
  $("compare").oninput = placeDivider;
  $("show-all").onclick = () => show(true);
  $("hide-all").onclick = () => show(false);
  $("save-labels").onclick = () => saveLabels(current);
  $("save-overlay").onclick = () => saveOverlay(current, style());
  $("save-cutout").onclick = () => saveCutOut(current);
  $("save-all").onclick = () => saveAll(current, style());
  for (const type of ["pointerdown", "pointermove"]) $("layers").addEventListener(type, drag);
  new ResizeObserver(fit).observe($("stage"));
}

function dropping(event, over) {
  event.preventDefault();
  document.body.classList.toggle("dropping", over);
}

async function takePhoto() {
  try {
    const blob = await shoot($("camera-dialog"), $("video"), $("shoot"), $("camera-close"));
    if (blob) await add([new File([blob], `camera-${photos.length + 1}.png`, { type: "image/png" })]);
  } catch (error) {
    showError(error);
  }
}

/** Adds photos. All problems of a group stay visible until another photo is chosen. */
async function add(files) {
  if (!adding++) problems = [];
  for (const file of files) {
    try {
      const photo = await openPhoto(file, file.name || `pasted-${photos.length + 1}.png`);
      photos.push(photo);
      thumbnail(photo);
      await processPhoto(photo);
      if (photo.problem) problems.push(photo.problem);
    } catch (error) {
      problems.push(error.message);
    }
    if (problems.length) showProblem(problems.join("\n"));
  }
  adding--;
  $("files").value = "";
}

async function processPhoto(photo) {
  select(photo);
  await started;
  busy(`Processing ${photo.name} …`);
  const model = engine.models.find((one) => one.name === $("model").value);
  photo.wanted = model;
  photo.problem = "";
  try {
    const result = await engine.segment(photo.blob, model);
    if (photo.wanted === model) take(photo, model, result); // unless another model was chosen meanwhile
  } catch (error) {
    photo.problem = `${photo.name}: ${error.message}`;
    if (photo === current) showProblem(photo.problem);
  } finally {
    if (photo.wanted === model) busy();
  }
}

function take(photo, model, result) {
  Object.assign(photo, { model, result, sure: null });
  photo.view = resampled(result, { width: photo.bitmap.width, height: photo.bitmap.height });
  photo.counts = counted(result.labels);
  photo.shown = new Set(presentClasses(photo).filter((index) => !isBackground(photo, index)));
  if (photo === current) select(photo);
}

/** Gets the confidence of the current photo, if it is to be shown and is not known yet. */
async function showUnsure() {
  const photo = current;
  if (photo?.result && $("unsure").checked && !photo.sure) {
    const { model } = photo;
    busy("Computing the confidence …");
    try {
      const { labels, ...size } = await engine.confidence(photo.blob, model);
      if (photo.model !== model) return; // it was processed by another model meanwhile
      photo.means = means(labels, photo.result.labels);
      photo.sure = resampled({ labels, ...size }, photo.view).labels;
    } catch (error) {
      $("unsure").checked = false;
      showError(error);
    } finally {
      busy();
    }
    if (photo === current) listClasses(photo);
  }
  if (photo === current) draw();
}

/** The mean confidence, 0–1, for each of the 256 possible labels. */
function means(sure, labels) {
  const sums = new Array(256).fill(0);
  for (let i = 0; i < sure.length; i++) sums[labels[i]] += sure[i];
  const counts = counted(labels);
  return sums.map((sum, index) => sum / 255 / counts[index]);
}

// Showing results

/** The indices of the classes in the photo, the largest first. */
function presentClasses(photo) {
  const indices = photo.model.classes.map((_, index) => index).filter((index) => photo.counts[index]);
  return indices.sort((a, b) => photo.counts[b] - photo.counts[a]);
}

const isBackground = (photo, index) => index === 0 && photo.model.classes[0] === "background";

function style() {
  return { colours: colours[current.model.name], opacity: $("opacity").value / 100, outlined: $("outlines").checked };
}

function select(photo) {
  current = photo;
  document.body.classList.add("seen");
  document.body.classList.toggle("many", photos.length > 1);
  $("welcome").hidden = true;
  showProblem(photo.problem);
  $("view").hidden = false;
  $("photos").hidden = photos.length < 2;
  $("more").hidden = false;
  $("panel").hidden = !photo.result;
  $("caption").textContent = photo.name;
  for (const [i, item] of [...$("thumbnails").children].entries()) {
    item.firstChild.setAttribute("aria-current", String(photos[i] === photo));
  }
  paintPhoto(photo);
  if (photo.result) {
    listClasses(photo);
    announce(photo);
    showUnsure();
  }
  draw();
  placeDivider();
}

function paintPhoto({ bitmap }) {
  for (const id of ["photo", "overlay"]) Object.assign($(id), { width: bitmap.width, height: bitmap.height });
  $("photo").getContext("2d").drawImage(bitmap, 0, 0);
  fit();
}

/** Scales the photo to fit the stage. Small photos are enlarged at most three times. */
function fit() {
  const [stage, canvas] = [$("stage"), $("photo")];
  if (!current) return;
  const room = { width: stage.clientWidth - 40, height: stage.clientHeight - 80 };
  const factor = Math.min(room.width / canvas.width, room.height / canvas.height, 3);
  for (const id of ["photo", "overlay"]) {
    $(id).style.width = `${Math.max(1, Math.round(canvas.width * factor))}px`;
    $(id).style.height = `${Math.max(1, Math.round(canvas.height * factor))}px`;
  }
}

function draw() {
  $("opacity").nextElementSibling.textContent = `${$("opacity").value} %`;
  const context = $("overlay").getContext("2d");
  context.clearRect(0, 0, $("overlay").width, $("overlay").height);
  if (!current?.result) return;
  const { colours: chosen, opacity, outlined } = style();
  const image = overlay(current.view, chosen, current.shown, opacity, outlined);
  context.putImageData($("unsure").checked && current.sure ? darkened(image, current.sure) : image, 0, 0);
}

/** Places the divider, and hides the overlay on its left. */
function placeDivider() {
  const share = Number($("compare").value);
  $("compare").nextElementSibling.textContent = `${share} %`;
  $("overlay").style.clipPath = `inset(0 0 0 ${share}%)`;
  $("divider").style.left = `${share}%`;
  $("divider").hidden = share === 0 || !current?.result;
}

function drag(event) {
  if (!event.buttons || !current?.result) return;
  const box = $("photo").getBoundingClientRect();
  $("compare").value = Math.round((100 * (event.clientX - box.left)) / box.width);
  placeDivider();
}

function listClasses(photo) {
  $("classes").replaceChildren(...presentClasses(photo).map((index) => row(photo, index)));
}

/** The list item of a class: a check box, its colour, its name, its share of the picture, a button for its mask. */
function row(photo, index) {
  const item = document.createElement("li");
  const name = photo.model.classes[index];
  const chosen = colours[photo.model.name];
  const toggle = element("input", { type: "checkbox", id: `show-${index}`, checked: photo.shown.has(index) });
  const colour = element("input", { type: "color", value: hex(chosen[index]), title: `Colour of ${name}` });
  const label = element("label", { className: "name", htmlFor: toggle.id, textContent: name });
  const sure = photo.sure && $("unsure").checked ? `, ${Math.round(100 * photo.means[index])} % sure` : "";
  const share = element("span", { className: "share", textContent: percent(photo, index) + sure });
  const save = element("button", { type: "button", className: "icon", textContent: "⤓", title: `Download the mask of ${name}` });
  colour.setAttribute("aria-label", colour.title);
  save.setAttribute("aria-label", save.title);
  toggle.onchange = () => {
    photo.shown[toggle.checked ? "add" : "delete"](index);
    item.classList.toggle("off", !toggle.checked);
    draw();
  };
  colour.oninput = () => {
    chosen[index] = numbers(colour.value);
    draw();
  };
  save.onclick = () => saveMask(photo, index);
  item.classList.toggle("off", !toggle.checked);
  item.append(toggle, colour, label, share, save);
  return item;
}

function show(all) {
  current.shown = new Set(all ? presentClasses(current) : []);
  listClasses(current);
  draw();
}

function thumbnail(photo) {
  const button = element("button", { type: "button", title: photo.name });
  button.append(element("img", { src: photo.address, alt: photo.name }));
  button.onclick = () => {
    if (photo.model) $("model").value = photo.model.name;
    select(photo);
  };
  const item = document.createElement("li");
  item.append(button);
  $("thumbnails").append(item);
}

// Messages

function announce(photo) {
  const shares = presentClasses(photo).map((index) => `${photo.model.classes[index]} ${percent(photo, index)}`).join(", ");
  $("caption").textContent = `${photo.name} · ${photo.result.width} × ${photo.result.height}`;
  $("news").textContent = `${photo.name}: ${shares || "nothing found"}`;
}

function busy(text = "") {
  $("busy").hidden = !text;
  $("busy-text").textContent = text;
}

function showError(error) {
  busy();
  showProblem(error.message);
}

function showProblem(text = "") {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

const element = (tag, properties) => Object.assign(document.createElement(tag), properties);
const hex = (colour) => `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
const numbers = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

function percent(photo, index) {
  const share = (100 * photo.counts[index]) / photo.result.labels.length;
  return share < 0.05 ? "< 0.1 %" : `${share.toFixed(1)} %`;
}
