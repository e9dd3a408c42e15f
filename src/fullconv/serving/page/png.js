// Writes label maps as 8-bit PNG files with a palette, and reads them back as indices instead of colours.

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
const [GREY, PALETTE_COLOURS] = [0, 3]; // PNG's colour types for greyscale and for indices into a palette

/** labels (width * height) and palette [[r, g, b], …] → the bytes of a PNG. */
export async function encodeLabels(labels, width, height, palette) {
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter type: 0, no filter
  for (let y = 0; y < height; y++) {
    rows.set(labels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, PALETTE_COLOURS, 0, 0, 0], 8);
  const colours = Uint8Array.from(palette.flat());
  const parts = [chunk("IHDR", head), chunk("PLTE", colours), chunk("IDAT", await deflated(rows)), chunk("IEND", new Uint8Array())];
  return joined([SIGNATURE, ...parts]);
}

/** A PNG of 8-bit indices or grey values → {width, height, labels}. */
export async function decodeLabels(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height, depth, kind, interlaced] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25], bytes[28]];
  if (depth !== 8 || ![GREY, PALETTE_COLOURS].includes(kind) || interlaced) throw new Error("The server's answer is not a label map; reload the page.");
  const parts = [];
  for (let at = 8; at < bytes.length; ) {
    const length = view.getUint32(at);
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return { width, height, labels: unfiltered(await inflated(joined(parts)), width, height) };
}

/** Undoes the filter of each row; a pixel is one byte. */
function unfiltered(rows, width, height) {
  const labels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = x ? labels[at - 1] : 0;
      const up = y ? labels[at - width] : 0;
      const corner = x && y ? labels[at - width - 1] : 0;
      const guess = [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter];
      labels[at] = rows[y * (width + 1) + 1 + x] + guess;
    }
  }
  return labels;
}

function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function chunk(name, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

export function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const deflated = (bytes) => through(bytes, new CompressionStream("deflate"));
const inflated = (bytes) => through(bytes, new DecompressionStream("deflate"));

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}
