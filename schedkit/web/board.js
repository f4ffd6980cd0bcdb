// The board's view: head, tabs, panels. It knows a store and a way to send commands, and nothing of
// notebooks: `mount(element, {store, send, panel, run, task, here})`. `send(command)` returns a promise of an
// answer `{ok, words, error, data, buffer}`; `task` narrows the view to one task; `here` is what to call the
// process at the other end. A page also gives `place`, what of its state its address has, `onplace(words, step)`,
// called with that state as a query where it changes (a step is worth going back to), `linkOf(file)` and `signIn`.

import { count, exact, stateOfTask, until } from "./format.js";
import { button, h, icon, put, say, show, sureButton, wordButton } from "./dom.js";
import { createTasks, drawTasks } from "./tasks.js";
import { createRuns, drawRuns } from "./runs.js";
import { createHistory, drawHistory } from "./history.js";
import { createRun, drawRun } from "./run.js";
import { createFailing, drawFailing, failing } from "./failing.js";
import { createCalendar, drawCalendar } from "./calendar.js";
import { createAudit, drawAudit } from "./audit.js";
import { closeForm, createForm, openForm } from "./form.js";

const TABS = [
  ["tasks", "Tasks", (view) => createTasks(view), drawTasks],
  ["failing", "Failing", (view) => createFailing(view), drawFailing],
  ["runs", "Runs", (view) => createRuns(view, "runs"), drawRuns],
  ["queue", "Queue", (view) => createRuns(view, "queue"), drawRuns],
  ["calendar", "Calendar", (view) => createCalendar(view), drawCalendar],
  ["history", "History", (view) => createHistory(view), drawHistory],
  ["audit", "Audit", (view) => createAudit(view), drawAudit],
];

// A queue that moves is no news.
const WAITING_MS = 5000;

export function mount(element, { store, send, panel = "tasks", run = null, task = null, here = "this process", busy = "the kernel is free", place = {}, onplace = null, linkOf = null, signIn = "", edits = false }) {
  const view = { store, send, busy, selected: run, alone: Boolean(run), only: task, here, edits, tab: panel, panels: {}, told: "", first: panel,
    place: new URLSearchParams(), wanted: {}, onplace, linkOf, signIn };
  view.ask = (command, node, complain) => ask(view, command, node, complain);
  view.redraw = () => redraw(view);
  view.openRun = (id) => openRun(view, id);
  view.openTask = (name, id) => openTask(view, name, id);
  view.openForm = (name, again = null) => openForm(view.form, view.store.tasks.get(name), again);
  view.askAll = (commands, node, past) => askAll(view, commands, node, past);
  view.note = h("div", { class: "sk-note", role: "status", hidden: true });
  view.run = createRun(view);
  view.form = createForm(view);
  view.root = h("div", { class: "sk", "data-panel": view.alone ? "run" : panel });
  if (view.alone) view.root.append(view.run.node, view.form.node, view.note);
  else view.root.append(createHead(view), createTabs(view), view.note, view.form.node, view.run.node);
  element.append(view.root);
  if (run) open(view, run);
  visit(view, place);
  const unsubscribe = store.subscribe(view.redraw);
  // Countdowns and elapsed times move by themselves.
  const timer = setInterval(view.redraw, 1000);
  draw(view);
  const unmount = () => {
    view.ended = true;
    unsubscribe();
    clearInterval(timer);
    view.root.remove();
  };
  return Object.assign(unmount, { visit: (other) => {
    visit(view, other);
    view.visiting = true;
    draw(view);
    view.visiting = false;
  } });
}

// Show what an address says.
function visit(view, place) {
  view.wanted = place;
  if (view.alone) return;
  const known = TABS.some(([key]) => key === place.panel);
  setTab(view, known ? place.panel : view.first);
  view.panels[view.tab]?.visit?.(place);
  const run = place.run || null;
  if (run === view.selected) return;
  if (view.selected) view.send({ do: "close", run: view.selected }).catch(() => {});
  view.selected = run;
  if (run) open(view, run);
}

function tellPlace(view) {
  if (!view.onplace || view.store.seq < 0) return;
  const panel = view.panels[view.tab];
  const values = { panel: view.tab === view.first ? "" : view.tab, run: view.selected, ...(panel?.place?.() || {}) };
  const place = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  if (place.toString() === view.place.toString()) return;
  const step = view.drawn && ["panel", "run"].some((name) => place.get(name) !== view.place.get(name));
  view.place = place;
  view.drawn = true;
  if (!view.visiting) view.onplace(place.toString(), step);
}

function redraw(view) {
  if (view.queued || view.ended) return;
  view.queued = true;
  requestAnimationFrame(() => {
    view.queued = false;
    if (!view.ended) draw(view);
  });
}

function draw(view) {
  if (!view.alone) {
    drawHead(view);
    for (const [key, , , drawPanel] of TABS) {
      const here = key === view.tab;
      put(view.tabs[key], "aria-selected", String(here));
      put(view.tabs[key], "tabindex", here ? "0" : "-1");
      show(view.pages[key], here);
      if (here && view.store.seq >= 0) drawPanel((view.panels[key] ??= build(view, key)));
    }
  }
  askDetail(view);
  drawRun(view.run, shownRun(view), view.alone);
  holdBack(view);
  tellPlace(view);
  if (view.alone && view.store.lost !== view.told) {
    view.told = view.store.lost;
    put(view.root, "data-state", view.told ? "lost" : null);
    tell(view, view.told, "bad");
  }
}

function build(view, key) {
  const panel = TABS.find(([name]) => name === key)[2](view);
  view.pages[key].append(panel.node);
  if (key === (view.wanted.panel || view.first)) panel.visit?.(view.wanted);
  return panel;
}

// Who may only look is told so by every button that would act.
function holdBack(view) {
  const { access } = view.store;
  const held = Boolean(access) && !access.scopes.includes("act");
  for (const node of view.root.querySelectorAll(held ? "[data-act]:not([aria-disabled])" : "[data-act][aria-disabled]")) {
    const label = node.getAttribute("aria-label") || "";
    put(node, "aria-disabled", held ? "true" : null);
    put(node, "title", held ? `${label ? `${label}: ` : ""}${mayNot(view)}` : label || null);
  }
}

function mayNot(view) {
  return `${view.store.access.actor || "you"} may look and not act (the token has the scope read)`;
}

function createHead(view) {
  view.light = h("span", { class: "sk-light", "aria-hidden": "true" });
  view.state = h("strong", { class: "sk-state" });
  view.counts = h("span", { class: "sk-muted sk-counts" });
  view.bad = h("span", { class: "sk-bad-count" });
  view.stop = sureButton("Stop", "Stop it: click again", () => view.ask({ do: "stop" }, view.stop), { title: "Stop the scheduler of this kernel" });
  view.start = wordButton("Start", "play", () => view.ask({ do: "start" }, view.start), { title: "Start the scheduler in this kernel" });
  view.hold = button("Pause the scheduler", "pause", () =>
    view.ask({ do: view.store.scheduler.paused ? "resume" : "pause" }, view.hold), { "data-act": "" });
  view.next = h("span");
  view.hand = wordButton("", null, () => view.ask({ do: view.hand.dataset.do }, view.hand), { "data-act": "" });
  view.sign = h("a", { class: "sk-button sk-wordy", href: view.signIn, hidden: true }, "Sign in");
  view.trouble = h("div", { class: "sk-trouble", role: "alert" });
  view.waits = h("div", { class: "sk-waits sk-muted" });
  return h("header", { class: "sk-head" },
    h("div", { class: "sk-line" }, view.light, view.state, view.counts, view.bad, h("span", { class: "sk-grow" }), view.sign, view.hold, view.stop, view.start),
    h("div", { class: "sk-line sk-next sk-muted" }, view.next, view.hand), view.trouble, view.waits);
}

const STATE_WORDS = { connecting: "Connecting …", running: "Running", stopped: "Stopped", watching: "Watching", paused: "Paused", lost: "No answer" };

function drawHead(view) {
  const { lost, scheduler, tasks } = view.store;
  const known = scheduler.state === "running" && scheduler.paused ? "paused" : scheduler.state || "stopped";
  const state = lost ? "lost" : view.store.seq < 0 ? "connecting" : known;
  put(view.root, "data-state", state);
  say(view.state, (state === "connecting" && view.store.empty) || STATE_WORDS[state] || state);
  const words = [[tasks.size, "task"], [scheduler.running, "running"], [scheduler.queued, "waiting"]]
    .filter(([number], i) => i === 0 || number)
    .map(([number, word], i) => `${count(number)} ${i === 0 && number !== 1 ? `${word}s` : word}`);
  say(view.counts, state === "connecting" ? "" : words.join(" · "));
  show(view.hold, !["stopped", "lost", "connecting"].includes(state));
  show(view.sign, Boolean(view.store.signedOut && view.signIn));
  put(view.sign, "href", `${view.signIn}#${view.place}`);
  const bad = failing(view).length;
  say(view.bad, bad ? `${count(bad)} failing` : "");
  show(view.stop, view.edits && ["running", "paused"].includes(state));
  show(view.start, view.edits && state === "stopped");
  say(view.tabs.failing, bad ? `Failing (${count(bad)})` : "Failing");
  put(view.tabs.failing, "data-tone", bad ? "bad" : null);
  const holdWords = scheduler.paused ? "Resume the scheduler" : "Pause the scheduler";
  if (view.hold.getAttribute("aria-label") !== holdWords) {
    put(view.hold, "title", holdWords);
    put(view.hold, "aria-disabled", null);
    put(view.hold, "aria-label", holdWords);
    view.hold.replaceChildren(icon(scheduler.paused ? "resume" : "pause"));
  }
  drawNext(view, scheduler, tasks);
  show(view.next.parentNode, !lost && state !== "connecting");
  const why = obstacles(view, scheduler);
  const wrong = why.filter((one) => one.wrong).map((one) => one.text);
  const trouble = lost || scheduler.trouble || wrong.join("\n")
    || (scheduler.state === "running" ? withoutCode(view, tasks) : "");
  say(view.trouble, trouble);
  show(view.trouble, Boolean(trouble));
  const waits = why.filter((one) => !one.wrong).map((one) => one.text).join("\n");
  say(view.waits, waits);
  show(view.waits, Boolean(waits) && !lost);
}

// What keeps runs from starting. The head shows in other ways that no scheduler runs or all is paused; what passes by
// itself is shown once it has lasted.
function obstacles(view, scheduler) {
  const before = view.store.now() - WAITING_MS;
  return (scheduler.why || []).filter((one) => !["stopped", "paused"].includes(one.kind)
    && (!view.only || !one.task || one.task === view.only)
    && (one.wrong || !one.since || Date.parse(one.since) < before));
}

// Who will run the next due time: this kernel, another process, or none.
function drawNext(view, scheduler, tasks) {
  let next = null;
  for (const task of tasks.values()) {
    if ((view.only && task.name !== view.only) || !task.declared) continue;
    if (task.next_run && !task.paused && (!next || task.next_run < next.next_run)) next = task;
  }
  const who = nodeWords(view, homeOf(scheduler, next));
  const when = next ? `${next.name} ${until(next.next_run, view.store.now())}` : "nothing is due";
  put(view.next, "title", next ? exact(next.next_run) : null);
  if (scheduler.paused) say(view.next, "Nothing starts while the scheduler is paused");
  else if (!who || scheduler.state === "stopped") say(view.next, next ? `Next: ${when}, but the scheduler is stopped` : "No scheduler is running");
  else say(view.next, (next ? `Next: ${when}, run by ${who}` : `Nothing is due; the schedule is run by ${who}`) + workerWords(scheduler));
  const move = scheduler.move || null;
  show(view.hand, Boolean(move));
  if (move) {
    view.hand.dataset.do = move.do;
    say(view.hand.lastElementChild, move.words);
    put(view.hand, "title", move.title || null);
  }
}

// The process that runs a task; where nothing is due, this one or another.
function homeOf(scheduler, task) {
  const nodes = scheduler.nodes || [];
  if (task) return nodes.find((node) => node.life === task.home) || null;
  return nodes.find((node) => node.here) || nodes[0] || null;
}

// Tasks of the ledger that no process which runs has declared, and that are due some time.
function withoutCode(view, tasks) {
  const names = [...tasks.values()]
    .filter((task) => !task.declared && task.next_run && !task.paused && (!view.only || task.name === view.only))
    .map((task) => task.name).sort();
  if (!names.length) return "";
  const some = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  return names.length === 1 ? `${some} waits for its code: run the cell or file that declares it, or remove it`
    : `${some} wait for their code: run the cells or files that declare them, or remove them`;
}

// How many workers of a cluster carry out runs of this process.
function workerWords(scheduler) {
  const workers = scheduler.workers || [];
  if (!workers.length) return "";
  const busy = workers.reduce((sum, worker) => sum + worker.running, 0);
  const memory = workers.reduce((sum, worker) => sum + worker.memory, 0);
  const some = workers.length === 1 ? `worker ${workers[0].name}` : `${workers.length} workers`;
  return `; ${some}: ${busy} running, ${Math.round(memory / 2 ** 20)} MiB`;
}

function nodeWords(view, node) {
  if (!node) return null;
  return node.here ? view.here : `${node.name} (pid ${node.pid} on ${node.host})`;
}

function createTabs(view) {
  view.tabs = {};
  view.pages = {};
  const list = h("div", { class: "sk-tabs", role: "tablist", "aria-label": "Panels", onkeydown: (event) => turn(view, event) });
  const pages = h("div", { class: "sk-pages" });
  for (const [key, words] of TABS) {
    const id = `sk-${Math.random().toString(36).slice(2)}`;
    view.tabs[key] = h("button", { type: "button", role: "tab", id: `${id}-tab`, "aria-controls": id, onclick: () => go(view, key) }, words);
    view.pages[key] = h("div", { role: "tabpanel", id, "aria-labelledby": `${id}-tab`, hidden: true });
    list.append(view.tabs[key]);
    pages.append(view.pages[key]);
  }
  return h("div", {}, list, pages);
}

function go(view, key) {
  setTab(view, key);
  draw(view);
}

function setTab(view, key) {
  view.tab = key;
  if (!view.alone) put(view.root, "data-panel", key);
}

function turn(view, event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const keys = TABS.map(([key]) => key);
  const key = keys[(keys.indexOf(view.tab) + step + keys.length) % keys.length];
  go(view, key);
  view.tabs[key].focus();
}

function openRun(view, id) {
  const back = view.selected;
  closeForm(view.form);
  if (back && back !== id) view.send({ do: "close", run: back }).catch(() => {});
  view.selected = id;
  draw(view);
  if (!id) return;
  open(view, id);
  view.run.node.scrollIntoView({ block: "nearest" });
  view.run.title.focus({ preventScroll: true });
}

// The board has the latest runs; one from further back is asked for, and one that leaves the board stays open.
function open(view, id) {
  view.asked = "";
  view.send({ do: "open", run: id }).catch(() => {});
  askDetail(view);
}

function askDetail(view) {
  const { selected: id, store } = view;
  if (!id || store.seq < 0 || store.runs.has(id) || view.asked === id || view.kept?.id === id) return;
  view.asked = id;
  view.send({ do: "run_detail", run: id }).then((answer) => {
    if (answer.ok === false) tell(view, answer.error, "bad");
    else if (answer.data) view.kept = answer.data;
    draw(view);
    if (view.selected === id && !view.alone) view.run.title.focus({ preventScroll: true });
  }, () => {});
}

function shownRun(view) {
  const here = view.selected && view.store.runs.get(view.selected);
  if (here) view.kept = here;
  return view.kept && view.kept.id === view.selected ? view.kept : undefined;
}

// The run of a task worth looking at: the one alive, else the last.
function openTask(view, name, known = null) {
  if (known) return openRun(view, known);
  const mine = [...view.store.runs.values()].filter((run) => run.task === name);
  const alive = mine.find((run) => run.state === "RUNNING");
  const task = view.store.tasks.get(name);
  const id = alive ? alive.id : task?.last ? task.last.run : mine.length ? mine[mine.length - 1].id : null;
  if (id) openRun(view, id);
  else tell(view, `${name} has not run yet`, "quiet");
}

// What takes longer than the way to the kernel.
const SLOW = { hand_over: "The background process executes the files first, which takes as long as their cells do" };

// A click shows as requested at once; it acts when the answer comes, at the latest when the kernel is free.
// `complain(words)` is told of a failure instead of the note.
async function ask(view, command, node, complain = null) {
  if (node && node.hasAttribute("aria-disabled")) {
    tell(view, mayNot(view), "bad");
    return null;
  }
  if (node && node.getAttribute("aria-busy") === "true") return null;
  if (node) node.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => tell(view, SLOW[command.do] || `Requested; it acts as soon as ${view.busy}`, "wait"), 1500);
  try {
    const answer = await view.send(command);
    if (answer.ok === false) throw new Error(answer.error);
    tell(view, answer.words || "", "good");
    return answer;
  } catch (error) {
    if (complain) {
      tell(view, "");
      complain(error.message);
    } else tell(view, error.message, "bad");
    return null;
  } finally {
    clearTimeout(slow);
    if (node) node.removeAttribute("aria-busy");
  }
}

// Several commands one after the other; what fails does not keep the others from being sent.
async function askAll(view, commands, node, past) {
  if (node.getAttribute("aria-busy") === "true") return;
  if (node.hasAttribute("aria-disabled")) return void tell(view, mayNot(view), "bad");
  node.setAttribute("aria-busy", "true");
  const failed = [];
  for (const command of commands) {
    const answer = await view.send(command).catch((error) => ({ ok: false, error: error.message }));
    if (answer.ok === false) failed.push(`${command.task}: ${answer.error}`);
  }
  node.removeAttribute("aria-busy");
  const good = commands.length - failed.length;
  const words = `${count(good)} ${good === 1 ? "task is" : "tasks are"} ${past}`;
  tell(view, failed.length ? `${words}; ${failed.slice(0, 3).join("; ")}` : words, failed.length ? "bad" : "good");
}

function tell(view, words, tone) {
  clearTimeout(view.noteTimer);
  say(view.note, words);
  put(view.note, "data-tone", tone);
  show(view.note, Boolean(words));
  if (!["bad", "wait"].includes(tone)) view.noteTimer = setTimeout(() => show(view.note, false), 6000);
}
