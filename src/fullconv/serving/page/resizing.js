// Resizes a picture as Pillow does (BILINEAR with reducing_gap=3): first to the means of boxes, then by a triangle filter.

const GAP = 3; // after the boxes, the picture is at least this many times larger than the result

/** {width, height, values} (RGB, 8 bits) with `side` pixels on its longer side. */
export function withSide(image, side) {
  const [width, height] = sizeWithSide(image, side);
  const boxes = {
    x: Math.floor(image.width / width / GAP) || 1,
    y: Math.floor(image.height / height / GAP) || 1,
  };
  const box = { width: image.width / boxes.x, height: image.height / boxes.y }; // the last boxes may be narrower
  const small = boxes.x > 1 || boxes.y > 1 ? boxed(image, boxes) : image;
  const columns = weights(small.width, width, box.width);
  const rows = weights(small.height, height, box.height);
  return vertically(horizontally(small, columns), rows);
}

/** [width, height] of the image once its longer side has `side` pixels. */
export function sizeWithSide({ width, height }, side) {
  const factor = side / Math.max(width, height);
  return [width, height].map((length) => Math.max(1, roundedToEven(length * factor)));
}

/** Each box of boxes.x by boxes.y pixels becomes its mean. */
function boxed({ width, height, values }, boxes) {
  const [across, down] = [Math.ceil(width / boxes.x), Math.ceil(height / boxes.y)];
  const means = new Uint8Array(3 * across * down);
  for (let y = 0; y < down; y++) {
    const [top, bottom] = [y * boxes.y, Math.min(height, (y + 1) * boxes.y)];
    for (let x = 0; x < across; x++) {
      const [left, right] = [x * boxes.x, Math.min(width, (x + 1) * boxes.x)];
      const count = (bottom - top) * (right - left);
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let v = top; v < bottom; v++) for (let u = left; u < right; u++) sum += values[3 * (v * width + u) + c];
        means[3 * (y * across + x) + c] = Math.floor((sum + (count >> 1)) / count);
      }
    }
  }
  return { width: across, height: down, values: means };
}

/** For each pixel of the result: `start`, its first source pixel, and `parts`, the weights of its source pixels (sum 1). */
export function weights(from, to, box = from) {
  const scale = box / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.floor(centre - reach + 0.5));
    const stop = Math.min(from, Math.floor(centre + reach + 0.5));
    const parts = Array.from({ length: stop - start }, (_, j) => Math.max(0, 1 - Math.abs((start + j - centre + 0.5) / reach)));
    const sum = parts.reduce((a, b) => a + b, 0);
    return { start, parts: parts.map((part) => part / sum) };
  });
}

function horizontally({ width, height, values }, columns) {
  const found = new Uint8Array(3 * columns.length * height);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const { start, parts } of columns) {
      for (let c = 0; c < 3; c++) {
        let sum = 0.5;
        for (let j = 0; j < parts.length; j++) sum += parts[j] * values[3 * (y * width + start + j) + c];
        found[at++] = Math.floor(sum);
      }
    }
  }
  return { width: columns.length, height, values: found };
}

function vertically({ width, values }, rows) {
  const found = new Uint8Array(3 * width * rows.length);
  let at = 0;
  for (const { start, parts } of rows) {
    for (let i = 0; i < 3 * width; i++) {
      let sum = 0.5;
      for (let j = 0; j < parts.length; j++) sum += parts[j] * values[3 * (start + j) * width + i];
      found[at++] = Math.floor(sum);
    }
  }
  return { width, height: rows.length, values: found };
}

/** Rounds halves to even, as Python and NumPy do. */
export function roundedToEven(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
