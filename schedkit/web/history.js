// The history panel: ended runs on a time line, one lane a task, and the list below it.

import { count, duration, exact, isActive, millis, moment, runSeconds, stateOf } from "./format.js";
import { h, say, show, svg } from "./dom.js";
import { createRuns, drawRuns } from "./runs.js";

const LANES = 12;
const LANE = 22;
const WIDTH = 1000;

export function createHistory(view) {
  const panel = { view, drawn: "", list: createRuns(view, "runs") };
  panel.summary = h("div", { class: "sk-tiles" });
  panel.lanes = h("div", { class: "sk-lanes", role: "img" });
  panel.axis = h("div", { class: "sk-axis sk-muted" });
  panel.chart = h("figure", { class: "sk-chart" }, panel.lanes, panel.axis);
  panel.node = h("div", {}, panel.summary, panel.chart, panel.list.node);
  return panel;
}

export function drawHistory(panel) {
  const { store } = panel.view;
  const now = store.now();
  const runs = [...store.runs.values()].filter((run) => run.started_at && (!panel.view.only || run.task === panel.view.only));
  drawTiles(panel, runs.filter((run) => !isActive(run)));
  show(panel.chart, runs.length > 0);
  const signature = `${store.version}:${runs.some(isActive) ? Math.floor(now / 1000) : 0}`;
  if (panel.drawn !== signature && runs.length) drawLanes(panel, runs, now);
  panel.drawn = signature;
  drawRuns(panel.list);
}

function drawTiles(panel, ended) {
  const failed = ended.filter((run) => stateOf(run.state).tone === "bad").length;
  const lengths = ended.map((run) => runSeconds(run)).filter((s) => s !== null).sort((a, b) => a - b);
  const tile = (name, words, tone) =>
    h("div", { class: "sk-tile", "data-tone": tone }, h("div", { class: "sk-tile-figure" }, words), h("div", { class: "sk-muted" }, name));
  const signature = `${ended.length} ${failed} ${lengths.length}`;
  if (panel.tiles === signature) return;
  panel.tiles = signature;
  const at = (share) => (lengths.length ? duration(lengths[Math.min(lengths.length - 1, Math.floor(share * lengths.length))]) : "–");
  panel.summary.replaceChildren(
    tile("runs on the board", count(ended.length)), tile("failed", count(failed), failed ? "bad" : null),
    tile("typical duration", at(0.5)), tile("95 % are within", at(0.95)));
}

function drawLanes(panel, runs, now) {
  const start = Math.min(...runs.map((run) => millis(run.started_at)));
  const end = Math.max(start + 1000, ...runs.map((run) => (run.finished_at ? millis(run.finished_at) : now)));
  const x = (at) => ((at - start) / (end - start)) * WIDTH;
  const byTask = new Map();
  for (const run of runs) byTask.set(run.task, [...(byTask.get(run.task) || []), run]);
  const busiest = [...byTask].sort((a, b) => b[1].length - a[1].length).slice(0, LANES).sort();
  const bars = busiest.map(([task, mine]) => {
    const rects = mine.map((run) => {
      const from = x(millis(run.started_at));
      const to = x(run.finished_at ? millis(run.finished_at) : now);
      const title = svg("title");
      title.textContent = `${task}: ${stateOf(run.state).label}, ${moment(run.started_at, now)}, ${duration(runSeconds(run, now))}`;
      return svg("rect", {
        x: from, y: 4, width: Math.max(3, to - from), height: LANE - 8, rx: 2, class: `sk-spark-${stateOf(run.state).tone}`,
      }, title);
    });
    const lane = svg("svg", { viewBox: `0 0 ${WIDTH} ${LANE}`, preserveAspectRatio: "none", class: "sk-lane", "aria-hidden": "true" }, ...rects);
    return h("div", { class: "sk-lane-row" }, h("span", { class: "sk-lane-name", title: task }, task), lane);
  });
  const hidden = byTask.size - busiest.length;
  if (hidden > 0) bars.push(h("div", { class: "sk-muted" }, `and ${count(hidden)} tasks with fewer runs`));
  panel.lanes.replaceChildren(...bars);
  panel.lanes.setAttribute("aria-label", `Time line of ${count(runs.length)} runs of ${count(byTask.size)} tasks`);
  const edge = (at) => h("span", { title: exact(new Date(at).toISOString()) }, moment(new Date(at).toISOString(), now));
  panel.axis.replaceChildren(edge(start), edge((start + end) / 2), edge(end));
}
