// The board as a page of the server: events feed it, REST carries its commands, its address is its state.

import { mount } from "./board.js";
import { createStore } from "./store.js";
import { follow } from "./stream.js";

const READS = {
  history: ({ hours, task, state, first }) => ["api/v1/history", { hours, task, state, first }],
  calendar: ({ first, zone, task }) => ["api/v1/calendar", { first, zone, task }],
  audit: ({ before }) => ["api/v1/audit", { before }],
  run_detail: ({ run }) => [`api/v1/board/runs/${encodeURIComponent(run)}`, {}],
  preview: ({ run }) => [`api/v1/runs/${encodeURIComponent(run)}/preview`, {}],
};

const store = createStore();
const stream = follow(store, "api/v1/events", "api/v1/access");

async function send(command) {
  if (command.do === "open" || command.do === "close") {
    stream.show(command.do === "open" ? command.run : null);
    return { ok: true };
  }
  if (store.lost) return { ok: false, error: store.lost };
  const read = READS[command.do];
  const answer = read ? await fetch(addressOf(...read(command))) : await post("api/v1/board/commands", command);
  const told = await answer.json();
  if (!answer.ok) return { ok: false, status: answer.status, error: [told.detail || told.title, told.hint].filter(Boolean).join(" → ") };
  return read ? { ok: true, data: told } : { ok: true, words: told.message };
}

function addressOf(path, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  return query.size ? `${path}?${query}` : path;
}

function post(path, body) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

const place = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

const unmount = mount(document.getElementById("board"), {
  store, send, place: place(), here: "this server", busy: "the server answers",
  // The address of a file is of the server's root, which may be mounted below another one.
  linkOf: (file) => file.href.slice(1),
  signIn: "login",
  onplace: (words, step) => {
    const address = words ? `#${words}` : location.pathname;
    if (step) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  },
});
addEventListener("popstate", () => unmount.visit(place()));
store.subscribe(() => { document.querySelector("footer form").hidden = !store.access?.signed_in; });
