// The board in JupyterLab's sidebar: the Jupyter Server sends its events and carries its commands.

import { mount } from "./board.js";
import { createStore } from "./store.js";
import { follow } from "./stream.js";
import { followTheme } from "./theme.js";

// JupyterLab's own address says what is open; where the board was left is kept for this tab of the browser.
const PLACE = "schedkit:place";

// Behind JupyterHub a cookie alone does not prove that JupyterLab asks.
function proof() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("_xsrf="));
  return cookie ? { _xsrf: decodeURIComponent(cookie.slice("_xsrf=".length)) } : {};
}

// `request(path, init)` asks the Jupyter Server as JupyterLab does; `base` is where our handlers are.
export function start(node, base, request) {
  const style = document.createElement("link");
  Object.assign(style, { rel: "stylesheet", href: `${base}/web/board.css` });
  const root = document.createElement("div");
  node.append(style, root);
  const store = createStore();
  const stream = follow(store, `${base}/events`, `${base}/access`, proof);

  async function send(command) {
    if (command.do === "open" || command.do === "close") {
      stream.show(command.do === "open" ? command.run : null);
      return { ok: true };
    }
    if (store.lost) return { ok: false, error: store.lost };
    const answer = await request("commands", { method: "POST", body: JSON.stringify(command) });
    if (answer.headers.get("content-type").startsWith("application/octet-stream")) return { ok: true, buffer: await answer.arrayBuffer() };
    const told = await answer.json();
    return answer.ok ? told : { ok: false, error: told.message || answer.statusText };
  }

  mount(root, {
    store, send, here: "this JupyterLab", busy: "the server answers",
    place: Object.fromEntries(new URLSearchParams(sessionStorage.getItem(PLACE) || "")),
    onplace: (words) => sessionStorage.setItem(PLACE, words),
  });
  followTheme(root);
  return stream;
}
