// Enlarges the scores of a reduced picture before the best class is taken, so that edges stay smooth.

import { weights } from "./resizing.js";

/**
 * The best class of each pixel, (width * height). `scores.data` holds the network's scores (1, C, H, W). Only their first
 * `scores.height` rows and `scores.width` columns belong to the picture; the rest is padding.
 */
export function bestOf(scores, width, height) {
  const columns = weights(scores.width, width);
  const rows = weights(scores.height, height);
  const labels = new Uint8Array(width * height);
  const best = new Float32Array(width * height).fill(-Infinity);
  for (const index of contenders(scores)) improve(widened(scores, index, columns), index, rows, { labels, best, width });
  return labels;
}

/** 255 times the probability of the best class of each pixel, (width * height). It is computed from the scores divided by
 * the temperature, at the size that the network saw, and then enlarged. */
export function sureOf(scores, temperature, width, height) {
  const small = sureSmall(scores, temperature);
  const shape = [1, 1, scores.height, scores.width];
  const plane = widened({ data: small, shape, height: scores.height }, 0, weights(scores.width, width));
  const best = new Float32Array(width * height).fill(-Infinity);
  improve(plane, 0, weights(scores.height, height), { labels: new Uint8Array(width * height), best, width });
  return Uint8Array.from(best, (share) => Math.round(255 * share));
}

/** The probabilities (0–1) at the size that the network saw, (height * width). */
function sureSmall({ data, shape, height, width }, temperature) {
  const [, classes, rows, columns] = shape;
  const found = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [best, sum] = [-Infinity, 0];
      for (let c = 0; c < classes; c++) best = Math.max(best, data[(c * rows + y) * columns + x]);
      for (let c = 0; c < classes; c++) sum += Math.exp((data[(c * rows + y) * columns + x] - best) / temperature);
      found[y * width + x] = 1 / sum;
    }
  }
  return found;
}

/** Plane `index`, enlarged to the full width but not in height: (H * width). */
function widened({ data, shape, height }, index, columns) {
  const plane = data.subarray(index * shape[2] * shape[3]);
  const found = new Float32Array(height * columns.length);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const { start, parts } of columns) {
      let sum = 0;
      for (let j = 0; j < parts.length; j++) sum += parts[j] * plane[y * shape[3] + start + j];
      found[at++] = sum;
    }
  }
  return found;
}

/** Sets the label where this class scores higher than all classes before it. */
function improve(plane, index, rows, { labels, best, width }) {
  let at = 0;
  for (const { start, parts } of rows) {
    for (let x = 0; x < width; x++, at++) {
      let sum = 0;
      for (let j = 0; j < parts.length; j++) sum += parts[j] * plane[(start + j) * width + x];
      sum = Math.fround(sum);
      if (sum > best[at]) {
        best[at] = sum;
        labels[at] = index;
      }
    }
  }
}

/** The classes that can be the best at some pixel. An interpolated score is a weighted mean of the four around it, so a
 * class is left out if, everywhere, the largest of its four is below the smallest of the four of another class. */
function contenders({ data, shape, height, width }) {
  const [, classes, rows, columns] = shape;
  const found = new Set();
  const [least, most] = [new Float32Array(classes), new Float32Array(classes)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [right, below] = [Math.min(x + 1, width - 1), Math.min(y + 1, height - 1)];
      let bar = -Infinity;
      for (let c = 0; c < classes; c++) {
        const at = c * rows * columns;
        const corners = [data[at + y * columns + x], data[at + y * columns + right], data[at + below * columns + x], data[at + below * columns + right]];
        least[c] = Math.min(...corners);
        most[c] = Math.max(...corners);
        bar = Math.max(bar, least[c]);
      }
      for (let c = 0; c < classes; c++) if (most[c] >= bar - 1e-5 * Math.abs(bar)) found.add(c);
    }
  }
  return [...found].sort((a, b) => a - b);
}
