// The history panel: a window of the ledger's past. The other end counts; this draws what it is told:
// four figures, a lane a task, a page of runs.

import { count, duration, exact, millis, moment } from "./format.js";
import { h, offer, say, select, show, svg } from "./dom.js";
import { createLook } from "./look.js";
import { createPager, drawPager } from "./parts.js";
import { createRunTable, drawRunTable, stateChoices } from "./runs.js";

const LANE = 26;
const WIDTH = 1000;
const HOURS = [["1", "Last hour"], ["24", "Last 24 hours"], ["168", "Last 7 days"], ["720", "Last 30 days"]];

export function createHistory(view) {
  const panel = { view, hours: "24", task: view.only || "", state: "", first: 0 };
  const command = () => ({ do: "history", hours: Number(panel.hours), task: panel.task, state: panel.state, first: panel.first });
  panel.look = createLook(view, command, (data) => take(panel, data), "There is no history here.");
  const choose = (name) => (value) => { panel[name] = value; panel.first = 0; panel.look.ask(); view.redraw(); };
  panel.window = select("Window", HOURS, choose("hours"));
  panel.window.value = panel.hours;
  panel.tasks = select("Task", [["", "Any task"]], choose("task"));
  panel.states = select("State", [["", "Any state"]], choose("state"));
  panel.pager = createPager((by) => { panel.first += by * panel.rows; panel.table.scroller.scrollTop = 0; panel.look.ask(); view.redraw(); });
  panel.bar = h("div", { class: "sk-bar" }, panel.window, view.only ? null : panel.tasks, panel.states, panel.pager.node);
  panel.summary = h("div", { class: "sk-tiles" });
  panel.lanes = h("div", { class: "sk-lanes", role: "group" });
  panel.axis = h("div", { class: "sk-axis sk-muted" });
  panel.more = h("div", { class: "sk-muted sk-more" });
  panel.chart = h("figure", { class: "sk-chart" }, panel.lanes, panel.axis, panel.more);
  panel.table = createRunTable(view, "runs");
  panel.empty = h("p", { class: "sk-empty", role: "status" });
  panel.node = h("div", {}, panel.bar, panel.summary, panel.chart, panel.table.scroller, panel.empty);
  panel.place = () => ({ hours: panel.hours === "24" ? "" : panel.hours, task: view.only ? "" : panel.task, state: panel.state, first: panel.first || "" });
  panel.visit = ({ hours = "24", task = "", state = "", first = 0 }) => {
    Object.assign(panel, { hours: HOURS.some(([known]) => known === hours) ? hours : "24", task: view.only || task, state, first: Number(first) || 0 });
    panel.window.value = panel.hours;
    if (panel.look.at || panel.look.asking) panel.look.ask();
  };
  return panel;
}

export function drawHistory(panel) {
  const { store } = panel.view;
  const { look } = panel;
  look.refresh();
  drawRunTable(panel.table, look.data ? look.data.runs.map((run) => store.runs.get(run.id) || run) : []);
  const nothing = look.data ? look.data.total === 0 : true;
  say(panel.empty, look.failed || (look.data ? "No run in this window fits." : "Looking …"));
  show(panel.empty, nothing || Boolean(look.failed));
}

function take(panel, data) {
  panel.rows = Math.max(panel.rows || 0, data.runs.length);
  offer(panel.tasks, [["", "Any task"], ...data.tasks.map((task) => [task, task])], panel.task);
  offer(panel.states, stateChoices(new Set(data.states)), panel.state);
  drawPager(panel.pager, data.first, data.first + data.runs.length, data.total);
  drawTiles(panel, data);
  show(panel.chart, data.lanes.some((lane) => lane.bars.length));
  drawLanes(panel, data);
}

function drawTiles(panel, data) {
  const tile = (name, words, tone) =>
    h("div", { class: "sk-tile", "data-tone": tone }, h("div", { class: "sk-tile-figure" }, words), h("div", { class: "sk-muted" }, name));
  panel.summary.replaceChildren(
    tile(data.total === 1 ? "run" : "runs", count(data.total)), tile("failed", count(data.failed), data.failed ? "bad" : null),
    tile("typical duration", duration(data.half)), tile("95 % are within", duration(data.most)));
}

function drawLanes(panel, data) {
  const start = millis(data.since);
  const end = millis(data.until);
  const span = Math.max(1000, end - start);
  const choose = (task) => { panel.task = task; panel.first = 0; panel.look.ask(); panel.view.redraw(); };
  const rows = data.lanes.map((lane) => laneRow(lane, start, span, end, choose));
  say(panel.more, `and ${many(data.more, "task")} with fewer runs`);
  show(panel.more, data.more > 0);
  panel.lanes.replaceChildren(...rows);
  panel.lanes.setAttribute("aria-label", `Time line of ${many(data.total, "run")} of ${many(data.lanes.length + data.more, "task")}, ${count(data.failed)} failed`);
  const edge = (at) => h("span", { title: exact(new Date(at).toISOString()) }, moment(new Date(at).toISOString(), end));
  panel.axis.replaceChildren(edge(start), edge(start + span / 2), h("span", { title: exact(data.until) }, "now"));
}

// A bar is as tall as its longest run was long, compared with the lane's longest, and red from below by the
// share of runs that failed.
function laneRow(lane, start, span, now, choose) {
  const longest = Math.max(...lane.bars.map(([, , , , seconds]) => seconds), 1e-9);
  const bars = lane.bars.map(([from, to, runs, failed, seconds, active, quiet]) => {
    const x = (from / span) * WIDTH;
    const width = Math.max(4, ((to - from) / span) * WIDTH);
    const height = Math.max(4, (seconds / longest) * (LANE - 4));
    const bad = failed ? Math.max(3, (failed / runs) * height) : 0;
    const tone = active ? "running" : quiet === runs ? "quiet" : "good";
    const title = svg("title");
    title.textContent = barWords(lane.task, start + from, { runs, failed, seconds, active, quiet }, now);
    const part = (y, tall, name) => svg("rect", { x, y, width, height: tall, class: `sk-spark-${name}` });
    const rects = [];
    if (height > bad) rects.push(part(LANE - height, height - bad, tone));
    if (bad) rects.push(part(LANE - bad, bad, "bad"));
    return svg("g", { "data-runs": runs, "data-failed": failed }, title, ...rects);
  });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${LANE}`, preserveAspectRatio: "none", class: "sk-lane", "aria-hidden": "true" }, ...bars);
  const number = h("span", { class: "sk-muted" }, count(lane.runs));
  const name = h("button", { type: "button", class: "sk-lane-name", title: `Only ${lane.task}`, onclick: () => choose(lane.task) }, lane.task);
  return h("div", { class: "sk-lane-row" }, name, picture, number);
}

function many(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

function barWords(task, at, { runs, failed, seconds, active, quiet }, now) {
  const when = moment(new Date(at).toISOString(), now);
  if (runs === 1) {
    const how = active ? "running" : failed ? "failed" : quiet ? "cancelled or skipped" : "ended";
    return `${task}, ${when}: ${how}, ${duration(seconds)}`;
  }
  const parts = [`${count(runs)} runs`, failed ? `${count(failed)} failed` : "", active ? `${count(active)} running` : "", quiet ? `${count(quiet)} cancelled or skipped` : "", `longest ${duration(seconds)}`];
  return `${task}, from ${when}: ${parts.filter(Boolean).join(", ")}`;
}
