// The audit log: who did what, newest first.

import { exact, moment } from "./format.js";
import { h, keyed, put, say, show, wordButton } from "./dom.js";
import { createLook } from "./look.js";

const HEADS = ["When", "Who", "What", "Task", "Run"];

export function createAudit(view) {
  const panel = { view, before: 0 };
  panel.look = createLook(view, () => ({ do: "audit", before: panel.before || "" }), (data) => take(panel, data));
  const go = (before) => { panel.before = before; panel.look.ask(); view.redraw(); };
  panel.newest = wordButton("Newest", null, () => go(0));
  panel.older = wordButton("Older", null, () => go(panel.look.data.next));
  panel.bar = h("div", { class: "sk-bar" }, panel.newest, panel.older);
  panel.body = h("tbody", {});
  panel.table = h("table", { class: "sk-table sk-data sk-audit", "aria-label": "Who did what" },
    h("thead", {}, h("tr", {}, ...HEADS.map((words) => h("th", {}, words)))), panel.body);
  panel.scroller = h("div", { class: "sk-scroll" }, panel.table);
  panel.empty = h("p", { class: "sk-empty", role: "status" });
  panel.node = h("div", {}, panel.bar, panel.scroller, panel.empty);
  panel.rows = [];
  panel.place = () => ({ before: panel.before || "" });
  panel.visit = ({ before = 0 }) => {
    panel.before = Number(before) || 0;
    if (panel.look.at || panel.look.asking) panel.look.ask();
  };
  return panel;
}

export function drawAudit(panel) {
  const { look } = panel;
  if (!panel.before || !look.data) look.refresh(); // a page further back does not change
  show(panel.newest, panel.before > 0);
  show(panel.older, Boolean(look.data?.next) && !look.failed);
  show(panel.scroller, panel.rows.length > 0 && !look.failed);
  say(panel.empty, look.failed || (look.data ? "No actions yet." : "Looking …"));
  show(panel.empty, Boolean(look.failed) || !panel.rows.length);
}

function take(panel, data) {
  const now = panel.view.store.now();
  panel.rows = data.items;
  keyed(panel.body, data.items, (item) => item.seq, (item) => createRow(panel.view, item), (row, item) => {
    say(row.at, moment(item.at, now));
    put(row.at, "title", exact(item.at));
  });
}

function createRow(view, item) {
  const at = h("td");
  const run = item.run ? h("button", { type: "button", class: "sk-name sk-plain", onclick: () => view.openRun(item.run) }, item.run) : null;
  return { at, node: h("tr", {}, at, h("td", {}, item.actor), h("td", {}, item.action), h("td", {}, item.task), h("td", {}, run)) };
}
