// The runs and queue panels: what runs, what waits and for what, what has ended.

import { duration, errorWords, exact, isActive, moment, runSeconds, stateOf, until } from "./format.js";
import { button, h, keyed, offer, put, say, select, show } from "./dom.js";
import { createBadge, createPager, createProgress, drawBadge, drawProgress, pageOf } from "./parts.js";
import { walk } from "./tasks.js";

const CLASSES = ["sk-col-task", "sk-col-state", "sk-col-third", "sk-col-fourth", "sk-col-fifth", "sk-col-do"];
const ORDER = { RUNNING: 0, RETRY: 1, QUEUED: 2, PENDING: 3 };

export function createRuns(view, kind) {
  const panel = { view, kind, task: "", state: "" };
  const onlyQueue = kind === "queue";
  panel.tasks = select("Task", [["", "Any task"]], (task) => { panel.task = task; view.redraw(); });
  panel.states = select("State", [["", "Any state"]], (state) => { panel.state = state; view.redraw(); });
  panel.pager = createPager((by) => { panel.pager.page += by; panel.table.scroller.scrollTop = 0; view.redraw(); });
  panel.bar = h("div", { class: "sk-bar" }, panel.tasks, onlyQueue ? null : panel.states, panel.pager.node);
  panel.table = createRunTable(view, kind);
  panel.empty = h("p", { class: "sk-empty" });
  panel.node = h("div", {}, panel.bar, panel.table.scroller, panel.empty);
  panel.place = () => ({ task: panel.task, state: panel.state, page: panel.pager.page || "" });
  panel.visit = ({ task = "", state = "", page = 0 }) => {
    Object.assign(panel, { task, state });
    panel.pager.page = Number(page) || 0;
  };
  return panel;
}

export function drawRuns(panel) {
  const { store } = panel.view;
  const { only } = panel.view;
  const wanted = panel.kind === "queue" ? isWaiting : () => true;
  const mine = [...store.runs.values()].filter((run) => wanted(run) && (!only || run.task === only));
  offer(panel.tasks, [["", "Any task"], ...[...new Set(mine.map((run) => run.task))].sort().map((t) => [t, t])], panel.task);
  offer(panel.states, stateChoices(new Set(mine.map((run) => run.state))), panel.state);
  const fits = (run) => (!panel.task || run.task === panel.task) && (!panel.state || run.state === panel.state);
  const rows = pageOf(panel.pager, mine.filter(fits).sort(panel.kind === "queue" ? byDue : byNewest));
  show(panel.bar, mine.length > 1 || Boolean(panel.task || panel.state));
  panel.table.held = panel.kind === "queue" ? whatHolds(store, panel.view.store.now()) : null;
  drawRunTable(panel.table, rows);
  say(panel.empty, panel.kind === "queue" ? "Nothing waits." : mine.length ? "No run fits these filters." : "No run yet.");
  show(panel.empty, rows.length === 0);
}

export function stateChoices(states) {
  return [["", "Any state"], ...[...states].sort().map((state) => [state, stateOf(state).label])];
}

// The table alone, for callers that have rows.
export function createRunTable(view, kind) {
  const onlyQueue = kind === "queue";
  const heads = onlyQueue ? ["Task", "State", "Priority", "Due", "Waiting for", ""]
    : ["Task", "State", "Started", "Duration", "Attempt", ""];
  const table = { view, kind };
  table.body = h("tbody", { role: "rowgroup", onkeydown: (event) => walk(event, table.body) });
  const head = (words, i) => h("th", { role: "columnheader", class: CLASSES[i] }, words || h("span", { class: "sk-hidden" }, "Actions"));
  table.node = h("table", { class: "sk-table sk-runs", "data-kind": kind, role: "table", "aria-label": onlyQueue ? "Queue" : "Runs" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads.map(head))), table.body);
  table.scroller = h("div", { class: "sk-scroll" }, table.node);
  return table;
}

export function drawRunTable(table, rows) {
  keyed(table.body, rows, (run) => run.id, (run) => createRow(table, run), (row, run) => drawRow(table, row, run));
  show(table.scroller, rows.length > 0);
}

// What keeps a queued run from starting: its time, then the narrowest limit that is used up.
function whatHolds(store, now) {
  const { limits = {}, concurrency, nodes = [], state } = store.scheduler;
  const used = new Map();
  const use = (key) => used.set(key, (used.get(key) || 0) + 1);
  const keysOf = (task) => [...(task?.tags || []).map((tag) => `tag:${tag}`), ...(task?.executor ? [task.executor] : [])];
  const starts = new Map(); // of tasks with a rate; of a long past the board knows only the latest runs
  for (const run of store.runs.values()) {
    const task = store.tasks.get(run.task);
    if (run.state === "RUNNING") ["", `task:${run.task}`, ...keysOf(task)].forEach(use);
    if (task?.rate && run.started_at) starts.set(run.task, [...(starts.get(run.task) || []), Date.parse(run.started_at)]);
  }
  const full = (key, most) => (used.get(key) || 0) >= (most ?? Infinity);
  return (run) => {
    const task = store.tasks.get(run.task);
    if (!nodes.length || state === "stopped") return "a scheduler: none is running";
    if (task && !task.declared) return "its code: run the cell or file that declares it";
    if (Date.parse(run.due_at) > now) return "its time";
    if ((run.scheduled_at || run.cause === "after") && full(`task:${run.task}`, task?.limit)) return `another run of ${run.task}`;
    // Before what it shares with others: a place that they leave would not let it start.
    const rated = task?.rate ? freeAt(task.rate, starts.get(run.task) || []) : 0;
    if (rated > now) return `its rate, ${task.rate}: free ${until(new Date(rated).toISOString(), now)}`;
    const key = keysOf(task).find((one) => full(one, limits[one]));
    if (key === "thread") return "a free thread";
    if (key === "process") return "a free process";
    if (key) return `another run tagged ${key.slice(4)}`;
    if (full("", concurrency)) return "a free place";
    return task?.rate ? `its rate, ${task.rate}` : "a free place";
  };
}

const UNITS = { d: 86400e3, h: 3600e3, m: 60e3, s: 1e3, ms: 1, us: 1e-3 };

// When a rate such as "5 in 1m 30s" lets the next run start, 0 where these starts leave it room.
function freeAt(rate, starts) {
  const [count, span] = rate.split(" in ");
  const parts = [...span.matchAll(/(\d+)(d|h|ms|us|m|s)/g)];
  const last = starts.sort((a, b) => b - a)[count - 1];
  return last === undefined ? 0 : last + parts.reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);
}

function isWaiting(run) {
  return isActive(run) && run.state !== "RUNNING";
}

const RANK = { critical: 0, high: 1, medium: 2, low: 3 };

function byDue(a, b) {
  return (RANK[a.priority] ?? 2) - (RANK[b.priority] ?? 2) || compare(a.due_at, b.due_at) || compare(a.id, b.id);
}

function byNewest(a, b) {
  const active = (ORDER[a.state] ?? 9) - (ORDER[b.state] ?? 9);
  return active || compare(when(b), when(a)) || compare(b.id, a.id);
}

// By start, as the column shows it.
function when(run) {
  return run.started_at || run.due_at || run.queued_at;
}

function compare(a, b) {
  return a === b ? 0 : (a || "") < (b || "") ? -1 : 1;
}

function createRow(panel, run) {
  const { view } = panel;
  const row = { id: run.id };
  row.open = h("button", { type: "button", class: "sk-name", onclick: () => view.openRun(run.id) }, run.task);
  row.under = h("div", { class: "sk-under" });
  row.badge = createBadge();
  row.progress = createProgress();
  row.third = h("span");
  row.fourth = h("span", { class: "sk-number" });
  row.fifth = h("span");
  row.stop = button(`Cancel this run of ${run.task}`, "stop", () => view.ask({ do: "cancel", run: run.id }, row.stop), { "data-act": "" });
  row.again = button(`Run ${run.task} again`, "again", () =>
    view.ask({ do: "again", task: run.task, run: run.id }, row.again), { "data-act": "" });
  const contents = [[row.open, row.under], [row.badge.node, row.progress.node], [row.third], [row.fourth], [row.fifth],
    [h("div", { class: "sk-actions" }, row.again, row.stop)]];
  row.node = h("tr", { role: "row" }, ...contents.map((children, i) => h("td", { role: "cell", class: CLASSES[i] }, ...children)));
  return row;
}

function drawRow(panel, row, run) {
  const now = panel.view.store.now();
  put(row.node, "data-state", run.state.toLowerCase());
  put(row.node, "aria-selected", panel.view.selected === run.id ? "true" : null);
  drawBadge(row.badge, run.state);
  put(row.badge.node, "title", errorWords(run.error) || null);
  const stage = run.state === "RUNNING" && run.stages && run.stages[run.stages.length - 1];
  show(row.progress.node, Boolean(stage));
  if (stage) drawProgress(row.progress, stage, run.state);
  const active = isActive(run);
  show(row.stop, active);
  show(row.again, !active);
  if (panel.kind === "queue") {
    say(row.under, `run ${run.id}`);
    say(row.third, run.priority);
    say(row.fourth, until(run.due_at, now));
    put(row.fourth, "title", exact(run.due_at));
    say(row.fifth, run.waiting_for || panel.held?.(run) || "a free place");
  } else {
    say(row.under, errorWords(run.error) || `run ${run.id}`);
    say(row.third, moment(run.started_at || run.due_at, now));
    put(row.third, "title", exact(run.started_at || run.due_at));
    say(row.fourth, duration(runSeconds(run, now)));
    say(row.fifth, run.attempt ? String(run.attempt) : "–");
  }
}
