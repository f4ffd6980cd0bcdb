// Server-sent events feed a store: those of our own server, and of JupyterLab's sidebar.

import { clock } from "./format.js";

// The server speaks every 10 seconds at least.
const SILENCE_MS = 25_000;
const RETRY_MS = 2000;
// A browser has six connections to a server: a hidden page gives its connection back.
const HIDDEN_MS = 30_000;
const NETWORK = ["offline", "online"];

// `address` is where the events are, `probe` what tells whether one may see them at all; `proof()` returns what a
// server wants in the query of either, because an EventSource sends no headers.
export function follow(store, address, probe, proof = () => ({})) {
  const stream = { store, address, probe, proof, run: null, last: "", heard: Date.now(), source: null, retry: 0 };
  stream.show = (run) => {
    if (stream.run === run) return;
    stream.run = run;
    open(stream);
  };
  stream.timer = setInterval(() => {
    if (stream.source && Date.now() - stream.heard > SILENCE_MS) lose(stream, true);
  }, 1000);
  stream.seen = () => (document.hidden ? rest(stream) : wake(stream));
  document.addEventListener("visibilitychange", stream.seen);
  // A stream that stands does not notice that the network went; a server on this machine answers without one.
  stream.network = () => stream.source && open(stream);
  for (const name of NETWORK) addEventListener(name, stream.network);
  // For callers that know better than the browser whether the view is visible.
  stream.pause = () => close(stream);
  stream.resume = () => wake(stream);
  stream.end = () => {
    clearInterval(stream.timer);
    document.removeEventListener("visibilitychange", stream.seen);
    for (const name of NETWORK) removeEventListener(name, stream.network);
    close(stream);
  };
  open(stream);
  return stream;
}

function open(stream) {
  close(stream);
  const query = new URLSearchParams(stream.proof());
  if (stream.run) query.set("run", stream.run);
  if (stream.last) query.set("since", stream.last);
  const source = (stream.source = new EventSource(`${stream.address}?${query}`));
  source.onmessage = (event) => {
    heard(stream);
    stream.last = event.lastEventId;
    if (stream.store.apply(JSON.parse(event.data))) return;
    stream.last = ""; // a message was missed: from the beginning
    open(stream);
  };
  source.addEventListener("access", (event) => {
    heard(stream);
    stream.store.tell({ access: JSON.parse(event.data) });
  });
  source.addEventListener("empty", (event) => {
    heard(stream);
    stream.store.tell({ empty: event.data });
  });
  source.addEventListener("beat", () => heard(stream));
  // The server says so before it closes: the token was revoked, or means something else now.
  source.addEventListener("closed", () => again(stream));
  source.onerror = () => {
    lose(stream, false);
    if (source.readyState === EventSource.CLOSED) again(stream);
  };
}

function close(stream) {
  clearTimeout(stream.retry);
  stream.source?.close();
  stream.source = null;
}

// A browser connects again by itself after a break, but not after a refusal.
async function again(stream) {
  close(stream);
  const answer = await fetch(`${stream.probe}?${new URLSearchParams(stream.proof())}`, { headers: { accept: "application/json" } }).catch(() => null);
  if (answer && [401, 403].includes(answer.status)) return stream.store.tell({ lost: "You are signed out.", signedOut: true });
  stream.retry = setTimeout(() => open(stream), RETRY_MS);
}

function heard(stream) {
  stream.heard = Date.now();
  if (stream.store.lost) stream.store.tell({ lost: "", signedOut: false });
}

function lose(stream, silent) {
  if (!stream.store.lost) stream.store.tell({ lost: `Connection lost since ${clock(stream.heard)}. Trying again.` });
  if (silent) open(stream);
}

function rest(stream) {
  stream.asleep = setTimeout(() => close(stream), HIDDEN_MS);
}

function wake(stream) {
  clearTimeout(stream.asleep);
  if (!stream.source && !stream.store.signedOut) open(stream);
}
