// One run in full: stages, attempts, log, parameters, error, files, what is known of the data.

import { bareMoment, bytes, duration, errorWords, exact, isActive, lineWords, millis, moment, runSeconds, share, zone } from "./format.js";
import { h, icon, keyed, put, say, show, wordButton } from "./dom.js";
import { createBadge, createProgress, drawBadge, drawProgress, facts } from "./parts.js";

const ACT = { "data-act": "" };

export function createRun(view) {
  const panel = { view, run: null };
  panel.title = h("h3", { class: "sk-run-title", tabindex: "-1" });
  panel.badge = createBadge();
  panel.when = h("span", { class: "sk-muted" });
  panel.stop = wordButton("Cancel", "stop", () => view.ask({ do: "cancel", run: panel.run.id }, panel.stop), ACT);
  panel.again = wordButton("Run again", "again", () =>
    view.ask({ do: "again", task: panel.run.task, run: panel.run.id }, panel.again), ACT);
  panel.changed = wordButton("Run again with …", "form", () => view.openForm(panel.run.task, panel.run), ACT);
  panel.preview = wordButton("Preview data", null, () => preview(panel));
  panel.close = wordButton("Close", "cross", () => view.openRun(null));
  panel.stages = h("div", { class: "sk-stages" });
  panel.error = createError();
  panel.files = h("ul", { class: "sk-files" });
  panel.frame = h("div", { class: "sk-frame sk-scroll", tabindex: "0", role: "region", "aria-label": "Preview of the data" });
  panel.facts = h("div", { class: "sk-cards" });
  panel.log = h("pre", { class: "sk-log", role: "log", tabindex: "0", "aria-label": "Log" });
  panel.logHead = h("h4", { class: "sk-log-head" }, "Log");
  panel.logBox = h("section", {}, panel.logHead, panel.log);
  panel.filesBox = h("section", {}, h("h4", {}, "Files"), panel.files);
  panel.node = h("section", { class: "sk-run", "aria-label": "Run", onkeydown: (event) => {
    if (event.key === "Escape" && !panel.close.hidden) view.openRun(null);
  } },
    h("header", { class: "sk-run-head" }, panel.title, panel.badge.node, panel.when,
      h("span", { class: "sk-grow" }), panel.preview, panel.again, panel.changed, panel.stop, panel.close),
    panel.stages, panel.error.node, panel.filesBox, panel.frame, panel.logBox, panel.facts);
  return panel;
}

function createError() {
  const error = { words: h("strong"), hint: h("div", { class: "sk-hint" }), lines: h("div"), trace: h("pre", { class: "sk-trace", tabindex: "0" }) };
  error.fold = h("details", {}, h("summary", {}, "Traceback"), error.trace);
  error.node = h("div", { class: "sk-error", role: "alert" }, error.words, error.hint, error.lines, error.fold);
  return error;
}

export function drawRun(panel, run, alone) {
  show(panel.node, Boolean(run));
  if (!run) return;
  const now = panel.view.store.now();
  if (!panel.run || panel.run.id !== run.id) panel.frame.replaceChildren();
  panel.run = run;
  const active = isActive(run);
  say(panel.title, run.task);
  put(panel.title, "title", `run ${run.id}`);
  drawBadge(panel.badge, run.state);
  say(panel.when, headline(run, now));
  put(panel.when, "title", exact(run.started_at));
  show(panel.stop, active);
  show(panel.again, !active);
  show(panel.changed, !active && Boolean(panel.view.store.tasks.get(run.task)?.signature?.length));
  show(panel.close, !alone);
  show(panel.preview, run.state === "DONE" && Boolean(run.result && run.result.rows !== undefined));
  show(panel.frame, panel.frame.childElementCount > 0);
  keyed(panel.stages, run.stages || [], (stage) => stage.stage, createProgress, (bar, stage) => drawStage(bar, stage, run));
  drawError(panel.error, run.error);
  drawFiles(panel, run);
  drawFacts(panel, run);
  drawLog(panel, run.log || []);
}

function headline(run, now) {
  const parts = [];
  if (run.started_at) parts.push(`started ${moment(run.started_at, now)}`, duration(runSeconds(run, now)));
  else parts.push(`due ${moment(run.due_at, now)}`);
  if (run.attempt > 1) parts.push(`attempt ${run.attempt}`);
  if (run.waiting_for && isActive(run)) parts.push(`waiting for ${run.waiting_for}`);
  return parts.join(" · ");
}

function drawStage(bar, stage, run) {
  drawProgress(bar, stage, run.state);
  if (share(stage) !== null || run.state === "RUNNING") return;
  bar.fill.style.transform = run.state === "DONE" ? "scaleX(1)" : "scaleX(0)";
}

function drawError(box, error) {
  show(box.node, Boolean(error));
  if (!error) return;
  say(box.words, errorWords(error));
  say(box.hint, error.hint);
  show(box.hint, Boolean(error.hint));
  const lines = (error.lines || []).slice(-3).reverse();
  keyed(box.lines, lines.map((line, i) => ({ ...line, i })), (line) => line.i, () => {
    const where = h("div", { class: "sk-hint" });
    const code = h("pre", { class: "sk-code" });
    return { node: h("div", {}, where, code), where, code };
  }, (row, line) => {
    say(row.where, lineWords(line));
    say(row.code, line.code);
  });
  show(box.lines, lines.length > 0);
  say(box.trace, error.traceback);
  show(box.fold, Boolean(error.traceback));
}

function drawFiles(panel, run) {
  const files = run.artifacts || [];
  show(panel.filesBox, files.length > 0);
  const { linkOf } = panel.view;
  keyed(panel.files, files, (file) => file.href || file.path, (file) => {
    const name = h("span", { class: "sk-file-name" });
    const size = h("span", { class: "sk-muted" });
    const save = linkOf ? h("a", { class: "sk-button sk-wordy", href: linkOf(file), download: "" }, icon("save"), h("span", {}, "Download"))
      : wordButton("Download", "save", async () => {
        const answer = await panel.view.ask({ do: "download", run: panel.run.id, path: file.path }, save);
        if (answer) download(file.path, answer.buffer);
      });
    return { node: h("li", {}, icon("file"), name, size, h("span", { class: "sk-grow" }), save), name, size };
  }, (row, file) => {
    say(row.name, file.label || file.name || file.path);
    put(row.name, "title", file.name || file.path);
    say(row.size, bytes(file.size));
  });
}

// The file travels as bytes and is offered under its own name; it is never opened or rendered here.
function download(path, buffer) {
  const address = URL.createObjectURL(new Blob([buffer], { type: "application/octet-stream" }));
  const link = h("a", { href: address, download: path.split(/[\\/]/).pop() });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function drawFacts(panel, run) {
  const known = { ...(run.params && Object.keys(run.params).length ? { parameters: run.params } : {}), ...(run.facts || {}) };
  const cards = Object.entries(known).map(([kind, values]) => ({ kind, values }));
  const past = (run.attempts || []).filter((attempt) => attempt.finished_at);
  if (past.length > 1 || past.some((attempt) => attempt.worker)) cards.push({ kind: "attempts", values: attemptWords(past) });
  keyed(panel.facts, cards, (card) => card.kind, (card) => {
    const list = h("div");
    return { node: h("section", { class: "sk-card" }, h("h4", {}, card.kind), list), list, drawn: "" };
  }, (row, card) => {
    const signature = JSON.stringify(card.values);
    if (row.drawn === signature) return;
    row.drawn = signature;
    const named = card.values && typeof card.values === "object" && !Array.isArray(card.values);
    row.list.replaceChildren(facts(named ? card.values : { value: card.values }));
  });
}

function attemptWords(attempts) {
  return Object.fromEntries(attempts.map((attempt) => {
    const where = attempt.worker ? `, worker ${attempt.worker}` : "";
    const how = [(attempt.outcome || attempt.state) + where, attempt.error && errorWords(attempt.error)];
    return [`attempt ${attempt.number}`, how.filter(Boolean).join(": ")];
  }));
}

const LEVELS = [[40, "bad"], [30, "warn"], [0, "quiet"]];

function drawLog(panel, lines) {
  show(panel.logBox, lines.length > 0);
  const beside = lines.length ? zone(millis(lines[lines.length - 1].at)) : "";
  say(panel.logHead, beside ? `Log, times in ${beside}` : "Log");
  const log = panel.log;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  keyed(log, lines, (line) => line.n, (line) => {
    const tone = LEVELS.find(([level]) => (line.level ?? 20) >= level)[1];
    return { node: h("div", { "data-tone": tone }, h("time", {}, bareMoment(line.at, panel.view.store.now())), h("span", {}, line.message)) };
  }, () => {});
  if (atEnd) log.scrollTop = log.scrollHeight;
}

async function preview(panel) {
  const answer = await panel.view.ask({ do: "preview", run: panel.run.id }, panel.preview);
  if (answer) panel.frame.replaceChildren(drawFrame(answer.data));
  show(panel.frame, panel.frame.childElementCount > 0);
}

export function drawFrame(frame) {
  const cell = (tag, words) => h(tag, {}, words === null ? "" : String(words));
  const more = frame.rows > frame.data.length ? `first ${frame.data.length} of ${frame.rows} rows` : `${frame.rows} rows`;
  return h("table", { class: "sk-table sk-data" }, h("caption", {}, more),
    h("thead", {}, h("tr", {}, ...frame.columns.map((name) => cell("th", name)))),
    h("tbody", {}, ...frame.data.map((row) => h("tr", {}, ...row.map((value) => cell("td", value))))));
}
