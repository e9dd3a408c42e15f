// Draws overlays, masks and cut-outs from {width, height, labels}.

const LINE = 1000; // outlines are two pixels wide up to this longest side in pixels, and wider in larger pictures
const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];

/** The result at another size, by nearest-neighbour sampling. */
export function resampled({ width, height, labels }, size) {
  if (size.width === width && size.height === height) return { width, height, labels };
  const found = new Uint8Array(size.width * size.height);
  const columns = Uint32Array.from({ length: size.width }, (_, x) => Math.floor(((x + 0.5) * width) / size.width));
  for (let y = 0; y < size.height; y++) {
    const row = Math.floor(((y + 0.5) * height) / size.height) * width;
    for (let x = 0; x < size.width; x++) found[y * size.width + x] = labels[row + columns[x]];
  }
  return { ...size, labels: found };
}

/** The number of pixels with each of the 256 possible labels. */
export function counted(labels) {
  const counts = new Array(256).fill(0);
  for (const label of labels) counts[label]++;
  return counts;
}

/** ImageData of the classes in `shown` (a Set of indices), in `colours`; transparent elsewhere. */
export function overlay(result, colours, shown, opacity, outlined) {
  const { width, height, labels } = result;
  const image = new ImageData(width, height);
  const table = new Uint32Array(256);
  const words = new Uint32Array(image.data.buffer);
  for (const index of shown) table[index] = word(colours[index], Math.round(255 * opacity));
  for (let i = 0; i < words.length; i++) words[i] = table[labels[i]];
  if (outlined) outline(result, words, shown);
  return image;
}

/** Darkens the ImageData where the model is unsure. `sure`: 255 times the probability of each pixel, (width * height). */
export function darkened(image, sure) {
  const { data } = image;
  for (let i = 0; i < sure.length; i++) {
    const doubt = (255 - sure[i]) / 255;
    const [under, at] = [(data[4 * i + 3] / 255) * (1 - doubt), 4 * i];
    const alpha = doubt + under;
    for (let c = 0; c < 3; c++) data[at + c] = alpha ? (data[at + c] * under) / alpha : 0;
    data[at + 3] = Math.round(255 * alpha);
  }
  return image;
}

/** Draws outlines that are light on the inside and dark on the outside, so that they are visible on any background. */
function outline({ width, height, labels }, words, shown) {
  const reach = Math.max(1, Math.floor(Math.max(width, height) / LINE));
  const isShown = Uint8Array.from({ length: 256 }, (_, i) => Number(shown.has(i)));
  const [light, dark] = [word(WHITE, 255), word(BLACK, 255)];
  const mark = (at, other) => {
    if (labels[at] !== labels[other] && (isShown[labels[at]] || isShown[labels[other]])) {
      words[at] = isShown[labels[at]] ? light : dark;
      words[other] = isShown[labels[other]] ? light : dark;
    }
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (x + reach < width) mark(at, at + reach);
      if (y + reach < height) mark(at, at + reach * width);
    }
  }
}

const word = ([red, green, blue], alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** ImageData: white where the class is, black elsewhere. */
export function mask({ width, height, labels }, index) {
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const [light, dark] = [word(WHITE, 255), word(BLACK, 255)];
  for (let i = 0; i < words.length; i++) words[i] = labels[i] === index ? light : dark;
  return image;
}

/** The photo's ImageData with everything transparent that is not in `shown`; the edge is one pixel soft. */
export function cutOut(photo, { width, height, labels }, shown) {
  const inside = Uint8Array.from(labels, (label) => Number(shown.has(label)));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) sum += inside[v * width + u];
      }
      const around = (Math.min(height - 1, y + 1) - Math.max(0, y - 1) + 1) * (Math.min(width - 1, x + 1) - Math.max(0, x - 1) + 1);
      photo.data[4 * (y * width + x) + 3] = Math.round((255 * sum) / around);
    }
  }
  return photo;
}
