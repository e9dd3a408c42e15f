// Segments an image as fullconv's predictor does: at once, at a size that the model knows, or in tiles.
//
// An image is {width, height, values} with three values per pixel. `run(image, output)` runs the network.

import { roundedToEven, sizeWithSide, withSide } from "./resizing.js";
import { bestOf, sureOf } from "./scores.js";
import { tiles } from "./tiles.js";

const AT_ONCE = 2 ** 20; // up to this number of pixels, a model without a longest side sees the whole picture

/** {width, height, labels} at the image's own size. */
export async function segment(image, model, run) {
  const { width, height } = image;
  const longest = model.longest_side;
  const side = sideFor(image, model);
  if (side && side > Math.max(width, height)) {
    const { data, shape } = await run(prepared(withSide(image, side), model), "label_map");
    return { width, height, labels: nearest(data, shape[2], image, side) };
  }
  if (side) {
    const resized = withSide(image, side);
    const { data, shape } = await run(prepared(resized, model), "scores");
    const labels = bestOf({ data, shape, height: resized.height, width: resized.width }, width, height);
    return { width, height, labels };
  }
  const labels = new Uint8Array(width * height);
  const windows = longest || width * height <= AT_ONCE ? [whole(image)] : tiles(image, model.halo);
  for (const window of windows) await label(image, window, model, run, labels);
  return { width, height, labels };
}

/** Does the same, with 255 times the probability of each pixel's class as `labels`. */
export async function confidence(image, model, run) {
  const { width, height } = image;
  if (model.longest_side || width * height <= AT_ONCE) {
    const side = sideFor(image, model);
    const resized = side ? withSide(image, side) : image;
    const { data, shape } = await run(prepared(resized, model), "scores");
    const scores = { data, shape, height: resized.height, width: resized.width };
    return { width, height, labels: sureOf(scores, model.temperature, width, height) };
  }
  const labels = new Uint8Array(width * height);
  for (const window of tiles(image, model.halo)) await sure(image, window, model, run, labels);
  return { width, height, labels };
}

/** The label at the centre of each pixel. `found`: the labels of the enlarged image, with `columns` values per row. */
function nearest(found, columns, { width, height }, side) {
  const [across, down] = sizeWithSide({ width, height }, side);
  const labels = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor((y + 0.5) * (down / height)) * columns;
    for (let x = 0; x < width; x++, at++) labels[at] = found[row + Math.floor((x + 0.5) * (across / width))];
  }
  return labels;
}

/** The length that the longer side of the image has for the network, or null if it keeps its size. */
function sideFor({ width, height }, { longest_side: most, enlarge_to: least }) {
  const longer = Math.max(width, height);
  if (!most || (longer <= most && longer >= (least || 0))) return null;
  return longer > most ? most : least;
}

async function sure(image, window, model, run, labels) {
  const seen = part(image, window.reading);
  const { data, shape } = await run(prepared(seen, model), "scores");
  const found = sureOf({ data, shape, height: seen.height, width: seen.width }, model.temperature, seen.width, seen.height);
  keep(window, found, seen.width, labels, image.width);
}

async function label(image, window, model, run, labels) {
  const { data, shape } = await run(prepared(part(image, window.reading), model), "label_map");
  keep(window, data, shape[2], labels, image.width);
}

/** Copies the kept part of a window to `labels`. `found`: the values of the window as it was read, `columns` per row. */
function keep({ keeping, reading }, found, columns, labels, width) {
  const { left, top, right, bottom } = keeping;
  for (let y = top; y < bottom; y++) {
    const row = (y - reading.top) * columns - reading.left;
    for (let x = left; x < right; x++) labels[y * width + x] = found[row + x];
  }
}

function whole({ width, height }) {
  const all = { left: 0, top: 0, right: width, bottom: height };
  return { keeping: all, reading: all };
}

/** The part of the image inside the window. */
function part(image, window) {
  const { left, top } = window;
  const [right, bottom] = [Math.min(image.width, window.right), Math.min(image.height, window.bottom)];
  if (right - left === image.width && bottom - top === image.height) return image;
  const [width, height] = [right - left, bottom - top];
  const values = new image.values.constructor(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * image.width + left);
    values.set(image.values.subarray(from, from + 3 * width), 3 * y * width);
  }
  return { width, height, values };
}

/** The network's input: the model's range is applied, and the right and lower edges are padded with the mean colour to
 * the next multiples of `multiple_of`. */
export function prepared({ width, height, values }, model) {
  const [across, down] = [width, height].map((side) => Math.ceil(side / model.multiple_of) * model.multiple_of);
  const scales = model.range.length ? [0, 1, 2].map((i) => model.range[i % model.range.length]) : null;
  const fill = scales ? model.mean : model.mean.map(roundedToEven);
  const padded = new (scales ? Float32Array : Uint8Array)(3 * across * down);
  for (let y = 0, at = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      for (let c = 0; c < 3; c++, at++) {
        const value = x < width && y < height ? values[3 * (y * width + x) + c] : null;
        padded[at] = value === null ? fill[c] : scales ? scaled(value, scales[c]) : value;
      }
    }
  }
  return { width: across, height: down, values: padded };
}

const scaled = (value, [low, high]) => (value - low) * (255 / (high - low));
