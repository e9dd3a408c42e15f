// Decodes pictures upright. Browsers apply the EXIF orientation of JPEGs, but not all of them that of a WebP, which the
// server applies. So it is read here, set to 1 (upright), and applied.

const ORIENTATION = 0x0112; // the EXIF tag
const UPRIGHT = 1;

/** The ImageBitmap of a whole picture (a Blob), upright. `options`: as for createImageBitmap. */
export async function uprightBitmap(blob, options = {}) {
  const found = await webpOrientation(blob);
  if (!found || found.value <= UPRIGHT || found.value > 8) return createImageBitmap(blob, options);
  found.view.setUint16(found.at, UPRIGHT, found.little);
  return turned(await createImageBitmap(new Blob([found.view], { type: "image/webp" }), options), found.value);
}

/** {view, at, little, value} of the orientation in a WebP: a DataView of the file, the tag's place, byte order and value;
 * undefined if there is none. */
async function webpOrientation(blob) {
  const start = new DataView(await blob.slice(0, 12).arrayBuffer());
  if (start.byteLength < 12 || text(start, 0) !== "RIFF" || text(start, 8) !== "WEBP") return undefined;
  const view = new DataView(await blob.arrayBuffer());
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const length = view.getUint32(at + 4, true);
    if (text(view, at) === "EXIF") return inExif(view, at + 8, Math.min(at + 8 + length, view.byteLength));
    at += 8 + length + (length % 2);
  }
  return undefined;
}

/** The same for the EXIF data from `start` to `end`. */
function inExif(view, start, end) {
  const tiff = end - start > 6 && text(view, start) === "Exif" ? start + 6 : start;
  if (tiff + 8 > end) return undefined;
  const little = view.getUint16(tiff) === 0x4949; // "II"
  const folder = tiff + view.getUint32(tiff + 4, little);
  if (folder + 2 > end) return undefined;
  const count = view.getUint16(folder, little);
  for (let at = folder + 2, left = count; left > 0 && at + 12 <= end; at += 12, left--) {
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    return { view, at: at + 8, little, value: view.getUint16(at + 8, little) };
  }
  return undefined;
}

/** A bitmap that is turned and mirrored as an EXIF orientation of 2 to 8 says. */
function turned(bitmap, orientation) {
  const { width, height } = bitmap;
  const canvas = orientation > 4 ? new OffscreenCanvas(height, width) : new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.setTransform(
    ...{
      2: [-1, 0, 0, 1, width, 0],
      3: [-1, 0, 0, -1, width, height],
      4: [1, 0, 0, -1, 0, height],
      5: [0, 1, 1, 0, 0, 0],
      6: [0, 1, -1, 0, height, 0],
      7: [0, -1, -1, 0, height, width],
      8: [0, -1, 1, 0, 0, width],
    }[orientation],
  );
  context.drawImage(bitmap, 0, 0);
  return canvas.transferToImageBitmap();
}

/** The four letters at a place. */
const text = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
