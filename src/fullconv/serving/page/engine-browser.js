// The engine that runs the model in the browser, in a web worker. Photos are not sent anywhere.
//
// An engine is {note, privacy, models, segment, confidence}; see engine-server.js.

/** Opens the engine once the model is loaded. */
export async function openEngine() {
  const worker = new Worker(new URL("browser-worker.js", import.meta.url), { type: "module" });
  const waiting = new Map();
  let count = 0;

  function ask(message) {
    return new Promise((done, failed) => {
      waiting.set(++count, { done, failed });
      worker.postMessage({ id: count, ...message });
    });
  }

  worker.onmessage = ({ data: { id, error, ...answer } }) => {
    const { done, failed } = waiting.get(id);
    waiting.delete(id);
    error ? failed(new Error(error)) : done(answer);
  };
  worker.onerror = () => {
    for (const { failed } of waiting.values()) failed(new Error("The model could not be loaded; reload the page."));
  };
  const { model } = await ask({ load: true });
  return {
    note: "Photos stay on this device",
    privacy: "The model runs in your browser: photos never leave this device.",
    models: [{ ...model, colours: model.shown }],
    segment: (photo) => ask({ photo }),
    confidence: (photo) => ask({ photo, confidence: true }),
  };
}
