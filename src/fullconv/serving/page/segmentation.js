// One image → its labels, as fullconv's predictor does it: reduced to the size that the model knows, or in tiles.
//
// An image is {width, height, values}, three channels a pixel; `run(image, output)` runs the network.

import { reduced, roundedToEven } from "./reduction.js";
import { bestOf, sureOf } from "./scores.js";
import { tiles } from "./tiles.js";

const AT_ONCE = 2 ** 20; // pixels of a picture that a model without a size of its own sees whole

/** {width, height, labels} of the image's own size. */
export async function segment(image, model, run) {
  const { width, height } = image;
  const longest = model.longest_side;
  if (longest && Math.max(width, height) > longest) {
    const small = reduced(image, longest);
    const { data, shape } = await run(prepared(small, model), "scores");
    const labels = bestOf({ data, shape, height: small.height, width: small.width }, width, height);
    return { width, height, labels };
  }
  const labels = new Uint8Array(width * height);
  const windows = longest || width * height <= AT_ONCE ? [whole(image)] : tiles(image, model.halo);
  for (const window of windows) await label(image, window, model, run, labels);
  return { width, height, labels };
}

/** The same with 255 times the probability of each pixel's class in place of labels. */
export async function confidence(image, model, run) {
  const { width, height } = image;
  const longest = model.longest_side;
  if (longest || width * height <= AT_ONCE) {
    const small = longest && Math.max(width, height) > longest ? reduced(image, longest) : image;
    const { data, shape } = await run(prepared(small, model), "scores");
    const scores = { data, shape, height: small.height, width: small.width };
    return { width, height, labels: sureOf(scores, model.temperature, width, height) };
  }
  const labels = new Uint8Array(width * height);
  for (const window of tiles(image, model.halo)) await sure(image, window, model, run, labels);
  return { width, height, labels };
}

async function sure(image, window, model, run, labels) {
  const seen = part(image, window.reading);
  const { data, shape } = await run(prepared(seen, model), "scores");
  const found = sureOf({ data, shape, height: seen.height, width: seen.width }, model.temperature, seen.width, seen.height);
  const { left, top, right, bottom } = window.keeping;
  for (let y = top; y < bottom; y++) {
    const row = (y - window.reading.top) * seen.width - window.reading.left;
    for (let x = left; x < right; x++) labels[y * image.width + x] = found[row + x];
  }
}

/** Fills what a window keeps; it is read with what is around it. */
async function label(image, window, model, run, labels) {
  const { data, shape } = await run(prepared(part(image, window.reading), model), "label_map");
  const { left, top, right, bottom } = window.keeping;
  for (let y = top; y < bottom; y++) {
    const row = (y - window.reading.top) * shape[2] - window.reading.left;
    for (let x = left; x < right; x++) labels[y * image.width + x] = data[row + x];
  }
}

function whole({ width, height }) {
  const all = { left: 0, top: 0, right: width, bottom: height };
  return { keeping: all, reading: all };
}

/** What of the window lies in the image. */
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

/** With the model's range applied, and its mean colour to the right and below up to the next multiples. */
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
