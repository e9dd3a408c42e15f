// Opens photos: chosen files, pasted or dropped ones, or taken with the camera.

import { uprightBitmap } from "./orientation.js";

const SHOWN = 1600; // longest side of the displayed bitmap in pixels; results keep the photo's own size

/** Opens a photo as {name, stem, blob, bitmap, address}. The bitmap is upright, with a longest side of at most SHOWN. */
export async function openPhoto(blob, name) {
  const whole = await uprightBitmap(blob).catch(() => {
    throw new Error(`${name}: this browser cannot open it as a picture; use a JPEG, PNG or WebP file.`);
  });
  const factor = Math.min(1, SHOWN / Math.max(whole.width, whole.height));
  const size = { resizeWidth: Math.max(1, Math.round(whole.width * factor)), resizeHeight: Math.max(1, Math.round(whole.height * factor)) };
  const bitmap = factor < 1 ? await createImageBitmap(whole, { ...size, resizeQuality: "high" }) : whole;
  return { name, stem: name.replace(/\.[^.]+$/, ""), blob, bitmap, address: URL.createObjectURL(blob) };
}

/** ImageData of the whole photo, upright. */
export async function pixelsOf(photo) {
  const whole = await uprightBitmap(photo.blob);
  const context = new OffscreenCanvas(whole.width, whole.height).getContext("2d");
  context.drawImage(whole, 0, 0);
  return context.getImageData(0, 0, whole.width, whole.height);
}

/** The files that were dropped or pasted. Those that are no pictures give an error when they are opened. */
export function filesIn(transfer) {
  return [...(transfer?.files || [])];
}

/** Opens the camera in a dialog. Gives a Blob of the photo, or null if the user cancelled. */
export async function shoot(dialog, video, button, cancel) {
  const stream = await navigator.mediaDevices?.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
  if (!stream) throw new Error("No camera was found, or this page is not allowed to use it.");
  video.srcObject = stream;
  dialog.showModal();
  try {
    const wanted = await new Promise((done) => {
      button.onclick = () => done(true);
      cancel.onclick = () => done(false);
      dialog.oncancel = () => done(false);
    });
    return wanted ? await still(video) : null;
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    dialog.close();
  }
}

async function still(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
