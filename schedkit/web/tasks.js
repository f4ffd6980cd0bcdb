// The tasks panel: one row a task, with what it does now, what comes next and how it went.

import { ago, duration, exact, isActive, moment, percent, stateOf, stateOfTask, until } from "./format.js";
import { button, h, icon, keyed, offer, put, say, select, show, sureButton, wordButton } from "./dom.js";
import { createBadge, createPager, createProgress, drawBadge, drawProgress, drawSparkline, pageOf } from "./parts.js";

const collator = new Intl.Collator("en", { numeric: true });

const COLUMNS = [
  ["task", "Task", (task) => task.name],
  ["state", "State", (task) => stateOf(stateOfTask(task)).label],
  ["next", "Next run", (task) => (task.paused ? null : task.next_run)],
  ["last", "Last run", (task) => task.last && task.last.finished],
  ["success", "Success", (task) => task.success_rate],
  ["spark", "Durations", null],
  ["do", "", null],
];

export function createTasks(view) {
  const panel = { view, find: "", state: "", tag: "", sort: "task", down: false, chosen: new Set() };
  panel.search = h("input", {
    type: "search", class: "sk-input sk-search", placeholder: "Find a task", "aria-label": "Find a task",
    oninput: () => change(panel, { find: panel.search.value.trim().toLowerCase() }),
  });
  panel.states = select("State", [["", "Any state"]], (state) => change(panel, { state }));
  panel.tags = select("Tag", [["", "Any tag"]], (tag) => change(panel, { tag }));
  panel.pager = createPager((by) => { panel.pager.page += by; panel.scroller.scrollTop = 0; view.redraw(); });
  panel.heads = COLUMNS.map(([key, words, by]) => createHead(panel, key, words, by));
  panel.body = h("tbody", { role: "rowgroup", onkeydown: (event) => walk(event, panel.body) });
  panel.table = h("table", { class: "sk-table sk-tasks", role: "table", "aria-label": "Tasks" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...panel.heads.map((head) => head.node))), panel.body);
  panel.scroller = h("div", { class: "sk-scroll" }, panel.table);
  panel.empty = h("p", { class: "sk-empty" });
  panel.bar = h("div", { class: "sk-bar" },
    h("label", { class: "sk-find" }, icon("search"), panel.search), panel.states, panel.tags, panel.pager.node);
  panel.many = createMany(panel);
  panel.node = h("div", {}, panel.bar, panel.many.node, panel.scroller, panel.empty);
  panel.place = () => ({ find: panel.find, state: panel.state, tag: panel.tag, sort: panel.sort === "task" ? "" : panel.sort,
    down: panel.down ? "1" : "", page: panel.pager.page || "" });
  panel.visit = ({ find = "", state = "", tag = "", sort = "task", down = "", page = 0 }) => {
    const known = COLUMNS.some(([key, , by]) => key === sort && by);
    Object.assign(panel, { find, state, tag, sort: known ? sort : "task", down: Boolean(down) });
    panel.search.value = find;
    panel.pager.page = Number(page) || 0;
  };
  return panel;
}

// What is done to several tasks at once.
function createMany(panel) {
  const { view } = panel;
  const many = { words: h("strong") };
  const each = (label, mark, verb, past) => {
    const press = wordButton(label, mark, async () => {
      await view.askAll([...panel.chosen].map((task) => ({ do: verb, task })), press, past);
    }, { "data-act": "" });
    return press;
  };
  many.all = wordButton("Choose all shown", null, () => { for (const task of panel.shown) panel.chosen.add(task.name); view.redraw(); });
  many.node = h("div", { class: "sk-bar sk-many", role: "group", "aria-label": "Chosen tasks", hidden: true }, many.words,
    each("Run", "play", "run", "queued"), each("Pause", "pause", "pause", "paused"), each("Resume", "resume", "resume", "resumed"),
    many.all, wordButton("Choose none", null, () => { panel.chosen.clear(); view.redraw(); }));
  return many;
}

function drawMany(panel, fitting) {
  panel.shown = fitting;
  for (const name of panel.chosen) if (!panel.view.store.tasks.has(name)) panel.chosen.delete(name);
  show(panel.many.node, panel.chosen.size > 0);
  say(panel.many.words, `${panel.chosen.size} chosen`);
  show(panel.many.all, fitting.some((task) => !panel.chosen.has(task.name)));
}

function change(panel, wishes) {
  Object.assign(panel, wishes);
  panel.pager.page = 0;
  panel.view.redraw();
}

function createHead(panel, key, words, by) {
  if (!by) return { key, node: h("th", { role: "columnheader", class: `sk-col-${key}` }, words || h("span", { class: "sk-hidden" }, "Actions")) };
  const arrow = h("span", { class: "sk-arrow", "aria-hidden": "true" });
  const press = h("button", { type: "button", class: "sk-sort", onclick: () =>
    change(panel, { sort: key, down: panel.sort === key ? !panel.down : false }) }, words, arrow);
  return { key, arrow, node: h("th", { role: "columnheader", class: `sk-col-${key}` }, press) };
}

export function drawTasks(panel) {
  const { store } = panel.view;
  const { only } = panel.view;
  const all = [...store.tasks.values()].filter((task) => !only || task.name === only);
  const tags = [...new Set(all.flatMap((task) => task.tags || []))].sort(collator.compare);
  const states = [...new Set(all.map(stateOfTask))].sort(collator.compare);
  offer(panel.states, [["", "Any state"], ...states.map((s) => [s, stateOf(s).label])], panel.state);
  offer(panel.tags, [["", "Any tag"], ...tags.map((t) => [t, t])], panel.tag);
  show(panel.tags, tags.length > 0 || Boolean(panel.tag));
  show(panel.bar, all.length > 1);
  const fitting = all.filter((task) => fits(panel, task));
  const rows = pageOf(panel.pager, sorted(panel, fitting));
  drawMany(panel, fitting);
  const active = activeRuns(store);
  for (const head of panel.heads) {
    if (!head.arrow) continue;
    const here = head.key === panel.sort;
    put(head.node, "aria-sort", here ? (panel.down ? "descending" : "ascending") : "none");
    say(head.arrow, here ? (panel.down ? "↓" : "↑") : "");
  }
  keyed(panel.body, firstRows(panel, rows), (task) => task.name, (task) => createRow(panel, task.name),
    (row, task) => drawRow(row, task, active.get(task.name), store));
  show(panel.scroller, rows.length > 0);
  say(panel.empty, rows.length || store.seq < 0 ? "" : all.length ? "No task fits these filters." : "No task yet. Declare one with @sched.task(every(\"1h\")).");
  show(panel.empty, rows.length === 0);
}

// More than a screen has comes a moment later: the first of 5,000 tasks are painted sooner.
const FIRST_ROWS = 40;
const LATER_MS = 100;

function firstRows(panel, rows) {
  if (panel.drawn || rows.length <= FIRST_ROWS) return rows;
  panel.drawn = true;
  setTimeout(panel.view.redraw, LATER_MS);
  return rows.slice(0, FIRST_ROWS);
}

function fits(panel, task) {
  if (panel.state && stateOfTask(task) !== panel.state) return false;
  if (panel.tag && !(task.tags || []).includes(panel.tag)) return false;
  return !panel.find || `${task.name} ${task.description || ""}`.toLowerCase().includes(panel.find);
}

function sorted(panel, tasks) {
  const by = COLUMNS.find(([key]) => key === panel.sort)[2];
  const sign = panel.down ? -1 : 1;
  const keys = new Map(tasks.map((task) => [task, by(task)]));
  return tasks.sort((a, b) => compare(keys.get(a), keys.get(b), sign) || collator.compare(a.name, b.name));
}

// What is absent comes last, whichever way the column is sorted.
function compare(a, b, sign) {
  const none = (value) => value === null || value === undefined;
  if (none(a) || none(b)) return Number(none(a)) - Number(none(b));
  return sign * collator.compare(a, b);
}

// The run of each task that a reader cares about now: running before waiting, the newest first.
export function activeRuns(store) {
  const active = new Map();
  for (const run of store.runs.values()) {
    if (!isActive(run)) continue;
    const known = active.get(run.task);
    if (!known || (run.state === "RUNNING" && known.state !== "RUNNING")) active.set(run.task, run);
  }
  return active;
}

function createRow(panel, name) {
  const { view } = panel;
  const row = { view, name, panel };
  row.pick = h("input", { type: "checkbox", class: "sk-pick", "aria-label": `Choose ${name}`, onchange: () => {
    if (row.pick.checked) panel.chosen.add(name);
    else panel.chosen.delete(name);
    view.redraw();
  } });
  row.open = h("button", { type: "button", class: "sk-name", onclick: () => view.openTask(name) }, name);
  row.under = h("div", { class: "sk-under" });
  row.options = h("div", { class: "sk-under sk-options" });
  row.badge = createBadge();
  row.progress = createProgress();
  row.next = h("div");
  row.nextAt = h("div", { class: "sk-under" });
  row.last = createBadge();
  row.lastAt = h("div", { class: "sk-under" });
  row.success = h("span", { class: "sk-number" });
  row.spark = h("div", { class: "sk-spark" });
  const acts = { "data-act": "" };
  row.run = button(`Run ${name} now`, "play", () => {
    if (needsParameters(row.task)) view.openForm(name);
    else act(row, row.run, { do: "run", task: name });
  }, acts);
  row.form = button(`Run ${name} with parameters`, "form", () => view.openForm(name), acts);
  row.hold = button(`Pause ${name}`, "pause", () =>
    act(row, row.hold, { do: row.task.paused ? "resume" : "pause", task: name }), acts);
  row.stop = button(`Cancel the present run of ${name}`, "stop", () => act(row, row.stop, { do: "cancel", run: row.active.id }), acts);
  const cell = (key, ...children) => h("td", { role: "cell", class: `sk-col-${key}` }, ...children);
  row.node = h("tr", { role: "row" },
    cell("task", h("div", { class: "sk-pick-line" }, row.pick, row.open), row.under, row.options, createEdit(row)), cell("state", row.badge.node, row.progress.node), cell("next", row.next, row.nextAt),
    cell("last", row.last.node, row.lastAt), cell("success", row.success), cell("spark", row.spark),
    cell("do", h("div", { class: "sk-actions" }, row.run, row.form, row.hold, view.edits ? row.more : null, row.stop)));
  return row;
}

// What is rarely wanted: another schedule, or no task any more.
function createEdit(row) {
  const { view, name } = row;
  const schedule = h("input", {
    type: "text", class: "sk-input", "aria-label": `New schedule of ${name}`, placeholder: "every 1h, or 0 7 * * mon-fri",
    onkeydown: (event) => { if (event.key === "Enter") change.click(); },
  });
  const change = wordButton("Change schedule", null, () =>
    act(row, change, { do: "reschedule", task: name, trigger: schedule.value.trim() }));
  const remove = sureButton("Remove task", "Remove it: click again", () => act(row, remove, { do: "remove", task: name }));
  row.edit = h("div", { class: "sk-edit", hidden: true }, schedule, change, remove);
  row.more = button(`Change or remove ${name}`, "dots", () => {
    show(row.edit, row.edit.hidden);
    put(row.more, "aria-expanded", String(!row.edit.hidden));
    if (!row.edit.hidden) schedule.focus();
  }, { "aria-expanded": "false" });
  return row.edit;
}

function needsParameters(task) {
  return (task.signature || []).some((field) => field.required);
}

function act(row, node, command) {
  row.view.ask(command, node);
}

function drawRow(row, task, active, store) {
  const now = store.now();
  row.task = task;
  row.active = active;
  const state = stateOfTask(task);
  put(row.node, "data-state", state);
  say(row.under, [task.trigger || "on demand", ...(task.tags || []), ...placeWords(task, store.scheduler)].join(" · "));
  drawOptions(row, task.options || {});
  put(row.open, "title", task.description || null);
  drawBadge(row.badge, active ? active.state : state);
  const stage = active && active.stages && active.stages[active.stages.length - 1];
  show(row.progress.node, Boolean(stage));
  if (stage) drawProgress(row.progress, stage, active.state, true);
  say(row.next, task.paused ? "paused" : until(task.next_run, now) || "–");
  say(row.nextAt, task.paused ? "" : moment(task.next_run, now));
  put(row.next, "title", exact(task.next_run));
  const last = task.last;
  show(row.last.node, Boolean(last));
  if (last) drawBadge(row.last, last.state);
  put(row.last.node, "title", last ? last.error || exact(last.finished) : null);
  say(row.lastAt, last ? [duration(last.seconds), ago(last.finished, now)].filter(Boolean).join(", ") : "never ran");
  say(row.success, percent(task.success_rate));
  drawSparkline(row.spark, task.durations || []);
  show(row.stop, Boolean(active));
  show(row.form, Boolean(task.signature?.length));
  show(row.pick, !row.view.only);
  row.pick.checked = row.panel.chosen.has(row.name);
  drawHold(row, task);
}

// Where a task runs if not here, and which processes would take it over.
function placeWords(task, { nodes = [] }) {
  const home = nodes.find((node) => node.life === task.home);
  const heirs = nodes.filter((node) => (node.standing_by || []).includes(task.name));
  const name = (node) => (node.here ? "this process" : `${node.name} (pid ${node.pid})`);
  return [...(home && !home.here ? [`runs in ${name(home)}`] : []),
    ...(heirs.length ? [`then ${heirs.map(name).join(" or ")}`] : [])];
}

// Whatever options the task sets that a screen lists, by name; a web address becomes a link.
function drawOptions(row, options) {
  const words = JSON.stringify(options);
  if (row.optionWords === words) return;
  row.optionWords = words;
  row.options.replaceChildren(...Object.entries(options).map(([name, text]) => createOption(name, text)));
  show(row.options, Object.keys(options).length > 0);
}

function createOption(name, text) {
  const value = /^https?:\/\//.test(text) ? h("a", { href: text, target: "_blank", rel: "noopener noreferrer" }, text) : text;
  return h("span", { class: "sk-option" }, `${name.replaceAll("_", " ")} `, value);
}

function drawHold(row, task) {
  const words = task.paused ? `Resume ${row.name}` : `Pause ${row.name}`;
  if (row.holdWords === words) return;
  row.holdWords = words;
  put(row.hold, "aria-label", words);
  put(row.hold, "title", words);
  row.hold.replaceChildren(icon(task.paused ? "resume" : "pause"));
  put(row.hold, "data-on", Boolean(task.paused));
}

// Up and down move between rows, staying in their column of buttons.
export function walk(event, body) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = step && event.target.closest("tr");
  if (!row) return;
  const column = [...row.querySelectorAll("button:not([hidden])")].indexOf(event.target);
  const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  const buttons = next ? [...next.querySelectorAll("button:not([hidden])")] : [];
  if (!buttons.length) return;
  event.preventDefault();
  buttons[Math.min(Math.max(column, 0), buttons.length - 1)].focus();
}
