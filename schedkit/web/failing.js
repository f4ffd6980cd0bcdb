// What fails now: tasks whose last run failed, that are overdue, or whose code no process has declared.

import { ago, exact, moment, verdictOf } from "./format.js";
import { button, h, keyed, put, say, show, wordButton } from "./dom.js";
import { createBadge, drawBadge } from "./parts.js";
import { walk } from "./tasks.js";

const BAD = ["FAILED", "TIMEOUT"];
// So much later than its time, a task that does not run is told of.
const OVERDUE_MS = 60_000;

export function failing(view) {
  const { store, only } = view;
  const now = store.now();
  const found = [];
  for (const task of store.tasks.values()) {
    if (only && task.name !== only) continue;
    if (task.last && BAD.includes(verdictOf(task) || task.last.state)) found.push({ kind: "failed", task, at: task.last.finished });
    else if (!task.declared && task.next_run && !task.paused) found.push({ kind: "code", task, at: task.next_run });
    else if (isOverdue(task, now)) found.push({ kind: "overdue", task, at: task.next_run });
  }
  return found.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

function isOverdue(task, now) {
  return task.next_run && !task.paused && ["idle", "waiting"].includes(task.state) && Date.parse(task.next_run) < now - OVERDUE_MS;
}

export function createFailing(view) {
  const panel = { view };
  panel.all = wordButton("Run all failed ones again", "again", () => {
    const runs = failing(view).filter((one) => one.kind === "failed").map(({ task }) => ({ do: "again", task: task.name, run: task.last.run }));
    view.askAll(runs, panel.all, "queued again");
  }, { "data-act": "" });
  panel.bar = h("div", { class: "sk-bar" }, panel.all);
  panel.body = h("tbody", { role: "rowgroup", onkeydown: (event) => walk(event, panel.body) });
  const heads = ["Task", "What is wrong", "Since", ""].map((words, i) =>
    h("th", { role: "columnheader", class: CLASSES[i] }, words || h("span", { class: "sk-hidden" }, "Actions")));
  panel.table = h("table", { class: "sk-table sk-failing", role: "table", "aria-label": "What fails now" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)), panel.body);
  panel.scroller = h("div", { class: "sk-scroll" }, panel.table);
  panel.empty = h("p", { class: "sk-empty" }, "Nothing fails: the last run of every task went well, and none is overdue.");
  panel.node = h("div", {}, panel.bar, panel.scroller, panel.empty);
  return panel;
}

const CLASSES = ["sk-col-task", "sk-col-state", "sk-col-third", "sk-col-do"];

export function drawFailing(panel) {
  const rows = failing(panel.view);
  show(panel.bar, rows.filter((one) => one.kind === "failed").length > 1);
  keyed(panel.body, rows, (one) => one.task.name, (one) => createRow(panel.view, one.task.name), (row, one) => drawRow(row, one, panel.view.store.now()));
  show(panel.scroller, rows.length > 0);
  show(panel.empty, rows.length === 0);
}

function createRow(view, name) {
  const row = { view, name, badge: createBadge(), words: h("div", { class: "sk-wrong" }), at: h("div"), atUnder: h("div", { class: "sk-under" }) };
  row.open = h("button", { type: "button", class: "sk-name", onclick: () => view.openTask(name, row.one.task.last?.run) }, name);
  row.under = h("div", { class: "sk-under" });
  row.again = button(`Run ${name} again`, "again", () =>
    view.ask({ do: "again", task: name, run: row.one.task.last.run }, row.again), { "data-act": "" });
  const cells = [[row.open, row.under], [row.badge.node, row.words], [row.at, row.atUnder], [h("div", { class: "sk-actions" }, row.again)]];
  row.node = h("tr", { role: "row" }, ...cells.map((children, i) => h("td", { role: "cell", class: CLASSES[i] }, ...children)));
  return row;
}

const BADGES = { code: ["waiting", "No code"], overdue: ["timeout", "Overdue"] };

function drawRow(row, one, now) {
  const { task, kind } = one;
  row.one = one;
  say(row.under, task.trigger || "on demand");
  drawBadge(row.badge, ...(BADGES[kind] || [task.last.state]));
  say(row.words, wordsOf(one));
  say(row.at, ago(one.at, now));
  say(row.atUnder, moment(one.at, now));
  put(row.at, "title", exact(one.at));
  show(row.again, kind === "failed");
}

function wordsOf({ task, kind }) {
  if (kind === "code") return "No process that runs has declared it: run the cell or file that does, or remove it";
  if (kind === "overdue") return "It was due and has not started";
  const ended = task.durations || [];
  const good = ended.findLastIndex(([, state]) => !BAD.includes(state));
  const row = ended.length - 1 - good;
  const times = row > 1 ? `${row} times in a row: ` : "";
  return `${times}${task.last.error || (BAD.includes(task.last.state) ? "no message" : "the latest run was cancelled or skipped")}`;
}
