// A web worker that loads the model from the page's folder and segments photos, one after another.

import * as ort from "./ort/ort.wasm.min.mjs";
import { uprightBitmap } from "./orientation.js";
import { confidence, segment } from "./segmentation.js";

const MOST_THREADS = 4; // only if the page is cross-origin isolated, for which its web server must send two headers

let ready;
let last = Promise.resolve();

addEventListener("message", ({ data }) => {
  last = last.then(() => answer(data)); // one photo at a time, because the browser limits memory
});

async function answer({ id, photo, confidence: wantsConfidence }) {
  try {
    const { model, run } = await (ready ??= load());
    if (!photo) return postMessage({ id, model });
    const compute = wantsConfidence ? confidence : segment;
    const { width, height, labels } = await compute(await pixels(photo), model, run);
    postMessage({ id, width, height, labels }, [labels.buffer]);
  } catch (error) {
    postMessage({ id, error: error.message });
  }
}

async function load() {
  ort.env.wasm.wasmPaths = new URL("ort/", import.meta.url).href;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  const model = await (await found("model.json")).json();
  const graph = new Uint8Array(await (await found("model.onnx")).arrayBuffer());
  const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
  return { model, run: (image, output) => run(session, image, output) };
}

async function found(name) {
  const reply = await fetch(new URL(name, import.meta.url));
  if (!reply.ok) throw new Error(`${name} is missing from the page's folder; create the site again with fullconv page.`);
  return reply;
}

/** Runs the network on {height, width, values} with three channels; gives {data, shape} of the named output. */
async function run(session, { height, width, values }, output) {
  const type = values instanceof Uint8Array ? "uint8" : "float32";
  const feeds = { image: new ort.Tensor(type, values, [1, height, width, 3]) };
  const { [output]: tensor } = await session.run(feeds, [output]);
  const [data, shape] = [await tensor.getData(), tensor.dims];
  return { data, shape };
}

/** {width, height, values} of a photo (a Blob): RGB, upright, transparent pixels on white, colours as stored. */
async function pixels(photo) {
  const bitmap = await uprightBitmap(photo, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(3 * width * height);
  for (let i = 0, j = 0; i < data.length; i += 4) {
    values[j++] = data[i];
    values[j++] = data[i + 1];
    values[j++] = data[i + 2];
  }
  return { width, height, values };
}
