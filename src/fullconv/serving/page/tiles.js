// The tiles of a picture at full resolution, the same as those of `fullconv predict --tile 512`.

const TILE = 512; // side in pixels
const COARSEST = 32; // stride of the network's coarsest features; tiles begin at multiples of it

/** Yields {keeping, reading} for each tile. `reading` can extend beyond the picture. `halo`: pixels [before, after]. */
export function* tiles({ width, height }, halo) {
  for (const rows of spans(height, halo)) {
    for (const columns of spans(width, halo)) {
      yield {
        keeping: { left: columns.start, right: columns.stop, top: rows.start, bottom: rows.stop },
        reading: { left: columns.from, right: columns.to, top: rows.from, bottom: rows.to },
      };
    }
  }
}

/** As few spans as cover `length`, evenly spaced. Borders are in the middle of the pixels that both neighbours know. */
function spans(length, halo) {
  const around = up(halo[0] + halo[1]);
  const [end, reading] = [up(length), TILE + around];
  if (reading >= end) return [{ start: 0, stop: length, from: 0, to: end }];
  const count = 1 + Math.ceil((end - reading) / TILE);
  const free = (end - reading) / COARSEST;
  const starts = Array.from({ length: count }, (_, i) => Math.floor((i * free) / (count - 1)) * COARSEST);
  const borders = starts.slice(1).map((after, i) => Math.floor((starts[i] + reading - halo[1] + after + halo[0]) / 2));
  return starts.map((from, i) => ({ start: i ? borders[i - 1] : 0, stop: borders[i] ?? length, from, to: from + reading }));
}

const up = (pixels) => Math.ceil(pixels / COARSEST) * COARSEST;
