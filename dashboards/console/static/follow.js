// The live stream: one a browser where it has shared workers, else one a page. Says when it is lost, and comes back by itself.

import { model } from "./model.js";
import { signIn } from "./person.js";

const SILENT_MS = 35_000; // two beats of the server and a little
const AGAIN_MS = 3_000;

let take = {}, onLost = () => {}, heardMs = 0, open = () => {}, isWaiting = false;

// `handlers`: event → function of its data. `lost` is told when the line breaks and while it is broken.
export function follow(handlers, lost) {
  [take, onLost] = [handlers, lost];
  heardMs = performance.now();
  open = globalThis.SharedWorker ? byWorker() : direct;
  open();
  setInterval(() => {
    if (performance.now() - heardMs > SILENT_MS) lose();
    onLost();
  }, 1000);
}

function byWorker() {
  const { port } = new SharedWorker("line_worker.js", { name: "saola" });
  port.onmessage = ({ data: { event, data, isClosed } }) => {
    if (event === "lost") broken(isClosed);
    else if (event === "joined") fetchState();
    else heard(event, JSON.parse(data));
  };
  addEventListener("pagehide", () => port.postMessage("bye"));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return () => port.postMessage("join");
}

function direct() {
  const stream = new EventSource("api/stream");
  for (const event of [...Object.keys(take), "beat"]) stream.addEventListener(event, (message) => heard(event, JSON.parse(message.data)));
  stream.onerror = () => broken(stream.readyState === EventSource.CLOSED);
}

async function fetchState() {
  try {
    const answer = await fetch("api/state");
    if (answer.ok) heard("snapshot", await answer.json());
  } catch {
    lose();
  }
}

function heard(event, data) {
  heardMs = performance.now();
  model.lostSinceMs = null;
  take[event]?.(data);
  onLost();
}

function broken(isClosed) {
  lose();
  if (!isClosed || isWaiting) return;
  isWaiting = true; // the server refused, so the browser does not try again
  setTimeout(again, AGAIN_MS);
}

// The session may be over; then this goes to the login, and otherwise tries once more.
async function again() {
  isWaiting = false;
  if (await signIn().catch(() => true)) open();
}

function lose() {
  if (model.lostSinceMs !== null) return;
  model.lostSinceMs = heardMs;
  take.lose?.();
}
