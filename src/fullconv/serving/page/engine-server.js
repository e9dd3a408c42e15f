// The engine that runs the model on the page's server.
//
// An engine is {note, privacy, models, segment(photo, model), confidence(photo, model)}. `models`: [{name, classes,
// file_names, palette, colours}]. A photo is a Blob. Results are {width, height, labels} at the photo's own size, with one byte per
// pixel: the class (segment), or 255 times the probability of that class (confidence).

import { decodeLabels } from "./png.js";

const PATIENCE = 5; // tries while the server is busy

/** Opens the engine. `askForToken(problem)` returns a promise of the token, or of null; it is called if the server
 * requires one. */
export async function openEngine(askForToken) {
  let token = sessionStorage.getItem("token");

  async function ask(path, body) {
    for (let tries = 1; ; tries++) {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const reply = await fetch(path, body ? { method: "POST", body, headers } : { headers }).catch(() => {
        throw new Error("The server does not answer; check that it is still running.");
      });
      if (reply.ok) return reply;
      if (reply.status === 401) {
        const entered = await askForToken(token ? "The server does not accept this token." : "");
        if (entered === null) throw new Error("This server requires a token; reload the page to enter it.");
        sessionStorage.setItem("token", (token = entered));
      } else if (isBusy(reply) && tries < PATIENCE) {
        await new Promise((done) => setTimeout(done, 1000 * (Number(reply.headers.get("Retry-After")) || 1)));
      } else {
        throw new Error((await reply.json().catch(() => ({}))).error || `The server answered with status ${reply.status}.`);
      }
    }
  }

  async function plane(save, photo, model) {
    const reply = await ask(`predict?save=${save}&model=${encodeURIComponent(model.name)}`, photo);
    return decodeLabels(new Uint8Array(await reply.arrayBuffer()));
  }

  const models = (await (await ask("models")).json()).map((model) => ({ ...model, colours: model.shown }));
  return {
    note: "",
    privacy: "Photos are sent to this page's server, which does not store them.",
    models,
    segment: (photo, model) => plane("labels", photo, model),
    confidence: (photo, model) => plane("confidence", photo, model),
  };
}

const isBusy = ({ status, headers }) => status === 429 || (status === 503 && headers.has("Retry-After"));
