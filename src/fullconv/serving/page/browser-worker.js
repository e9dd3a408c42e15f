// Loads the model beside the page and answers the page's questions, one after another.

import * as ort from "./ort/ort.wasm.min.mjs";
import { confidence, segment } from "./segmentation.js";

const MOST_THREADS = 4; // only where the page is isolated, which takes two headers of its server

let ready;
let last = Promise.resolve();

addEventListener("message", ({ data }) => {
  last = last.then(() => answer(data)); // one photo at a time: memory is the browser's to give
});

async function answer({ id, photo, confidence: wantsConfidence }) {
  try {
    const { model, run } = await (ready ??= load());
    if (!photo) return postMessage({ id, model });
    const look = wantsConfidence ? confidence : segment;
    const { width, height, labels } = await look(await pixels(photo), model, run);
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

/** {height, width, values} of three channels → the values of one output and its shape. */
async function run(session, { height, width, values }, output) {
  const type = values instanceof Uint8Array ? "uint8" : "float32";
  const feeds = { image: new ort.Tensor(type, values, [1, height, width, 3]) };
  const { [output]: tensor } = await session.run(feeds, [output]);
  const [data, shape] = [await tensor.getData(), tensor.dims];
  return { data, shape };
}

/** The photo upright, transparent pixels on white, colours as they are stored: {width, height, values}, RGB. */
async function pixels(photo) {
  const bitmap = await createImageBitmap(photo, { colorSpaceConversion: "none" });
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
