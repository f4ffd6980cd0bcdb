// The board's view inside a notebook: an anywidget model is the store's feed and the commands' way.

import { clock } from "./format.js";
import { createStore } from "./store.js";
import { mount } from "./board.js";
import { followTheme } from "./theme.js";

const decoder = new TextDecoder();

// The kernel speaks every 5 seconds at least, unless it is gone or code in it lets no other code run.
const SILENCE_MS = 15_000;

function read(view) {
  return JSON.parse(decoder.decode(view));
}

function connect(model) {
  const store = createStore();
  const waiting = new Map();
  let next = 1;
  const send = (command) => new Promise((resolve) => {
    const ticket = next++;
    if (store.lost && command.do !== "hello") return resolve({ ok: false, error: LOST });
    waiting.set(ticket, resolve);
    model.send({ ...command, ticket });
  });
  const resync = () => send({ do: "hello" });
  const board = { store, send, resync, views: 0, heard: Date.now() };
  model.on("msg:custom", (message, buffers) => {
    board.heard = Date.now();
    if (store.lost) store.tell({ lost: "" });
    if (message.kind === "board" && !store.apply(read(buffers[0]))) resync();
    if (message.kind !== "answer" || !waiting.has(message.ticket)) return;
    const answer = { ...message, buffer: buffers && buffers[0] };
    waiting.get(message.ticket)(answer);
    waiting.delete(message.ticket);
  });
  const first = model.get("first");
  if (first && first.byteLength) store.apply(read(first));
  // A restarted kernel knows nothing of this panel, and will answer no click.
  board.listen = () => {
    if (store.lost || Date.now() - board.heard < SILENCE_MS) return;
    store.tell({ lost: `No word from the kernel since ${clock(board.heard)}: it is busy, or was restarted. After a restart run this cell again.` });
    for (const resolve of waiting.values()) resolve({ ok: false, error: LOST });
    waiting.clear();
  };
  return board;
}

const LOST = "The kernel does not answer. After a restart run this cell again.";

function render(board, model, el) {
  const unmount = mount(el, {
    store: board.store, send: board.send, panel: model.get("panel"), run: model.get("run") || null,
    task: model.get("task") || null, here: "this kernel, for as long as it lives", edits: true,
  });
  const unfollow = followTheme(el);
  hideStill(el, model.get("still"));
  // The kernel publishes only while a view is visible.
  board.views += 1;
  if (board.views === 1) {
    board.heard = Date.now();
    board.resync();
    board.timer = setInterval(board.listen, 1000);
  }
  return () => {
    board.views -= 1;
    if (board.views === 0) {
      clearInterval(board.timer);
      model.send({ do: "gone" });
    }
    unfollow();
    unmount();
  };
}

// The still picture below a live panel is for a notebook without a kernel; while we live it is in the way.
function hideStill(el, still) {
  if (!still) return;
  const style = document.createElement("style");
  style.textContent = `.jp-OutputArea-child:has(.${still}) { display: none; }`;
  el.append(style);
}

// A factory: anywidget calls it once for each model, so that a model's views share one store.
export default () => {
  let board;
  return {
    initialize: ({ model }) => { board = connect(model); },
    render: ({ model, el }) => render(board, model, el),
  };
};
