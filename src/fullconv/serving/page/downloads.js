// The downloads. Files have the same names as those of `fullconv predict`, except that the overlay is a PNG, and that one
// cut-out shows all visible classes and has all their names.

import { uprightBitmap } from "./orientation.js";
import { cutOut, mask, overlay } from "./painting.js";
import { pixelsOf } from "./photos.js";
import { encodeLabels } from "./png.js";
import { zip } from "./zip.js";

export async function saveLabels(photo) {
  download(await labels(photo), "image/png");
}

export async function saveMask(photo, index) {
  download(await oneMask(photo, index), "image/png");
}

export async function saveOverlay(photo, style) {
  download(await painted(photo, style), "image/png");
}

export async function saveCutOut(photo) {
  download(await cutOutOf(photo), "image/png");
}

export async function saveAll(photo, style) {
  const present = photo.model.classes.map((_, index) => index).filter((index) => photo.counts[index]);
  const files = [await labels(photo), await painted(photo, style), await cutOutOf(photo)];
  for (const index of present) files.push(await oneMask(photo, index));
  download({ name: `${photo.stem}.zip`, bytes: zip(files) }, "application/zip");
}

async function labels({ stem, model, result }) {
  return { name: `${stem}_labels.png`, bytes: await encodeLabels(result.labels, result.width, result.height, model.palette) };
}

async function oneMask({ stem, model, result }, index) {
  return { name: `${stem}_${model.file_names[index]}.png`, bytes: await png(mask(result, index)) };
}

/** The photo under its overlay, at the photo's own size. */
async function painted(photo, { colours, opacity, outlined }) {
  const { width, height } = photo.result;
  const layer = new OffscreenCanvas(width, height);
  layer.getContext("2d").putImageData(overlay(photo.result, colours, photo.shown, opacity, outlined), 0, 0);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(await uprightBitmap(photo.blob), 0, 0);
  context.drawImage(layer, 0, 0);
  return { name: `${photo.stem}_overlay.png`, bytes: await encoded(canvas) };
}

async function cutOutOf(photo) {
  const names = [...photo.shown].sort((a, b) => a - b).map((index) => photo.model.file_names[index]);
  const image = cutOut(await pixelsOf(photo), photo.result, photo.shown);
  return { name: `${[photo.stem, ...names].join("_")}_cutout.png`, bytes: await png(image) };
}

async function png(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return encoded(canvas);
}

async function encoded(canvas) {
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

function download({ name, bytes }, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
