// The small drawn things that every panel uses: badge, progress bar, sparkline, pager.

import { count, duration, moment, remaining, share, stateOf } from "./format.js";
import { button, h, icon, put, say, show, svg } from "./dom.js";

export function createBadge() {
  const words = h("span");
  const node = h("span", { class: "sk-badge" }, words);
  return { node, words, mark: null };
}

export function drawBadge(badge, state, words) {
  const { label, tone, mark } = stateOf(state);
  if (badge.mark !== mark) {
    badge.mark = mark;
    badge.node.replaceChildren(icon(mark), badge.words);
  }
  put(badge.node, "data-tone", tone);
  say(badge.words, words || label);
}

export function createProgress() {
  const fill = h("div", { class: "sk-fill" });
  const track = h("div", { class: "sk-track", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const name = h("span", { class: "sk-stage" });
  const figures = h("span", { class: "sk-figures" });
  const node = h("div", { class: "sk-progress" }, h("div", { class: "sk-progress-words" }, name, figures), track);
  return { node, track, fill, name, figures };
}

// `brief` leaves out the rate, for the narrow columns of a table.
export function drawProgress(bar, stage, state, brief = false) {
  const part = share(stage);
  const finished = part === 1;
  const running = state === "RUNNING";
  const left = running ? remaining(stage) : null;
  const words = [stage.total ? `${count(stage.done)} / ${count(stage.total)}` : count(stage.done)];
  if (running && stage.rate && !finished && !brief) words.push(`${count(stage.rate)}/s`);
  if (left !== null) words.push(`${duration(Math.ceil(left))} left`);
  say(bar.name, stage.stage);
  say(bar.figures, words.join(" · "));
  put(bar.track, "aria-label", stage.stage);
  put(bar.track, "aria-valuetext", words.join(", "));
  put(bar.track, "aria-valuenow", part === null ? null : Math.round(part * 100));
  put(bar.node, "data-kind", finished ? "full" : part === null && running ? "unknown" : "part");
  put(bar.node, "data-tone", running || finished ? null : stateOf(state).tone);
  bar.fill.style.transform = `scaleX(${part === null ? (running ? 0.3 : 0) : part})`;
}

// Bars for the last durations, oldest first: [[seconds, state], …]; the colour tells how each ended.
export function drawSparkline(node, durations) {
  const signature = JSON.stringify(durations);
  if (node.skDrawn === signature) return;
  node.skDrawn = signature;
  if (!durations.length) return void node.replaceChildren();
  const step = 4, height = 22;
  const longest = Math.max(...durations.map(([seconds]) => seconds), 1e-9);
  const bars = durations.map(([seconds, state], i) => {
    const tall = Math.max(2, (seconds / longest) * height);
    return svg("rect", {
      x: i * step, y: height - tall, width: step - 1, height: tall, rx: 1, class: `sk-spark-${stateOf(state).tone}`,
    });
  });
  const failures = durations.filter(([, state]) => stateOf(state).tone === "bad").length;
  const last = durations[durations.length - 1][0];
  const words = `last ${durations.length} runs: latest ${duration(last)}, longest ${duration(longest)}, ${failures} failed`;
  const title = svg("title");
  title.textContent = words;
  const width = durations.length * step;
  node.replaceChildren(
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": words }, title, ...bars),
  );
}

export const PAGE_ABOVE = 500;
const PAGE_ROWS = 250;

export function createPager(onmove) {
  const words = h("span", { class: "sk-muted", "aria-live": "polite" });
  const back = button("Previous page", "left", () => onmove(-1));
  const on = button("Next page", "right", () => onmove(1));
  const node = h("nav", { class: "sk-pager", "aria-label": "Pages" }, back, words, on);
  return { node, words, back, on, page: 0 };
}

// The rows of the present page; below PAGE_ABOVE rows there is one page and no pager.
export function pageOf(pager, items) {
  if (items.length <= PAGE_ABOVE) {
    pager.page = 0;
    show(pager.node, false);
    return items;
  }
  const pages = Math.ceil(items.length / PAGE_ROWS);
  pager.page = Math.min(Math.max(0, pager.page), pages - 1);
  const start = pager.page * PAGE_ROWS;
  const end = Math.min(start + PAGE_ROWS, items.length);
  drawPager(pager, start, end, items.length);
  return items.slice(start, end);
}

export function drawPager(pager, start, end, total) {
  say(pager.words, `${count(start + 1)} to ${count(end)} of ${count(total)}`);
  pager.back.disabled = start === 0;
  pager.on.disabled = end >= total;
  show(pager.node, end - start < total);
}

const FACTS_SHOWN = 9;

// Names and values; what is empty is left out, and a long list is folded.
export function facts(values) {
  const pairs = Object.entries(values).filter(([, value]) => !isEmpty(value));
  const words = "as_of" in values ? FACT_WORDS : {};
  const box = h("div", {}, factList(pairs.slice(0, FACTS_SHOWN), words));
  if (pairs.length > FACTS_SHOWN) {
    const more = pairs.slice(FACTS_SHOWN);
    box.append(h("details", {}, h("summary", { class: "sk-muted" }, `${more.length} more`), factList(more, words)));
  }
  return box;
}

// What the facts of an extraction are for a reader.
const FACT_WORDS = {
  complete: "every issue is here", exact: "unchanged meanwhile", as_of: "read between", requested: "issues listed",
  returned: "issues read", appeared: "came meanwhile", changed: "edited meanwhile", left: "left meanwhile",
  duplicates: "copies removed", limited: "cut by limit", throttled: "times slowed down by the site",
  unreadable: "values left out", cut: "lists cut by the site",
};

function factList(pairs, known) {
  const words = (name) => known[name] || name.replaceAll("_", " ");
  const items = pairs.flatMap(([name, value]) => [h("dt", {}, words(name)), h("dd", {}, plain(value))]);
  return h("dl", { class: "sk-facts" }, ...items);
}

function isEmpty(value) {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export function plain(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return count(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return ISO.test(value) ? moment(value, Date.now()) : value;
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return Object.entries(value).map(([name, inner]) => `${name} ${plain(inner)}`).join(", ");
}
