// The board's view inside a notebook: an anywidget model is the store's feed and the commands' way.

import { createStore } from "./store.js";
import { mount } from "./board.js";

const decoder = new TextDecoder();

function read(view) {
  return JSON.parse(decoder.decode(view));
}

function connect(model) {
  const store = createStore();
  const waiting = new Map();
  let next = 1;
  const send = (command) => new Promise((resolve) => {
    const ticket = next++;
    waiting.set(ticket, resolve);
    model.send({ ...command, ticket });
  });
  const resync = () => send({ do: "hello" });
  model.on("msg:custom", (message, buffers) => {
    if (message.kind === "board" && !store.apply(read(buffers[0]))) resync();
    if (message.kind !== "answer" || !waiting.has(message.ticket)) return;
    const answer = { ...message, buffer: buffers && buffers[0] };
    waiting.get(message.ticket)(answer);
    waiting.delete(message.ticket);
  });
  const first = model.get("first");
  if (first && first.byteLength) store.apply(read(first));
  return { store, send, resync, views: 0 };
}

function render(board, model, el) {
  const unmount = mount(el, {
    store: board.store, send: board.send, panel: model.get("panel"), run: model.get("run") || null,
    task: model.get("task") || null, here: "this kernel, for as long as it lives",
  });
  const unfollow = followTheme(el);
  hideStill(el, model.get("still"));
  // The kernel publishes only while somebody looks.
  board.views += 1;
  if (board.views === 1) board.resync();
  return () => {
    board.views -= 1;
    if (board.views === 0) model.send({ do: "gone" });
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

// JupyterLab, Notebook and VS Code tell their theme on the body; elsewhere the browser's wish counts.
function followTheme(el) {
  const theme = () => {
    const body = document.body;
    const light = body.dataset.jpThemeLight;
    if (light !== undefined) return light === "false" ? "dark" : "light";
    if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return "dark";
    return body.classList.contains("vscode-light") ? "light" : "auto";
  };
  const paint = () => { el.querySelector(".sk").dataset.theme = theme(); };
  const observer = new MutationObserver(paint);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  paint();
  return () => observer.disconnect();
}

// A factory: anywidget calls it once for each model, so that a model's views share one store.
export default () => {
  let board;
  return {
    initialize: ({ model }) => { board = connect(model); },
    render: ({ model, el }) => render(board, model, el),
  };
};
