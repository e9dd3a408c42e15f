// Writes a ZIP archive without compression, because its files are compressed already.

import { crc32, joined } from "./png.js";

const UTF8 = 0x0800; // flag: names are in UTF-8
const DAY = 0x21; // 1 January 1980, the earliest date: the time of the download is not recorded

/** [{name, bytes}, …] → the bytes of an archive. */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const title = new TextEncoder().encode(name);
    const common = [20, UTF8, 0, 0, DAY]; // version, flags, stored, time, date
    const sizes = [crc32(bytes), bytes.length, bytes.length];
    const local = record(0x04034b50, common, sizes, [title.length, 0]);
    parts.push(local, title, bytes);
    directory.push(record(0x02014b50, [20, ...common], sizes, [title.length, 0, 0, 0, 0], [0, offset]), title);
    offset += local.length + title.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record(0x06054b50, [0, 0, files.length, files.length], [size, offset], [0]);
  return joined([...parts, ...directory, end]);
}

/** The bytes of a signature, followed by numbers of 16, 32, 16 and 32 bits, little-endian. */
function record(signature, shorts, longs, more = [], last = []) {
  const bytes = new Uint8Array(4 + 2 * (shorts.length + more.length) + 4 * (longs.length + last.length));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (values, width) => {
    for (const value of values) {
      if (width === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += width;
    }
  };
  put([signature], 4);
  put(shorts, 2);
  put(longs, 4);
  put(more, 2);
  put(last, 4);
  return bytes;
}
