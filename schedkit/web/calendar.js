// The calendar: seven days of due times, those that passed with what became of them.

import { bareMoment, count, exact, millis, stateOf, zone } from "./format.js";
import { button, h, say, show, wordButton } from "./dom.js";
import { createLook } from "./look.js";
import { createBadge, drawBadge } from "./parts.js";

const DAYS = 7;
const timeFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
// The day is one of the calendar's own zone, and is only written out here.
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "short", timeZone: "UTC" });

export function createCalendar(view) {
  const panel = { view, first: 0 };
  const zoneName = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  const command = () => ({ do: "calendar", first: panel.first, zone: zoneName, task: view.only || "" });
  panel.look = createLook(view, command, (data) => take(panel, data));
  const go = (first) => { panel.first = first; panel.look.ask(); view.redraw(); };
  panel.words = h("span", { class: "sk-muted", "aria-live": "polite" });
  panel.bar = h("div", { class: "sk-bar" }, button("Seven days earlier", "left", () => go(panel.first - DAYS)),
    wordButton("Today", null, () => go(0)), button("Seven days later", "right", () => go(panel.first + DAYS)), panel.words);
  panel.days = h("div", { class: "sk-days" });
  panel.more = h("p", { class: "sk-more sk-muted" });
  panel.empty = h("p", { class: "sk-empty", role: "status" });
  panel.node = h("div", {}, panel.bar, h("div", { class: "sk-scroll" }, panel.days, panel.more), panel.empty);
  panel.place = () => ({ first: panel.first || "" });
  panel.visit = ({ first = 0 }) => {
    panel.first = Number(first) || 0;
    if (panel.look.at || panel.look.asking) panel.look.ask();
  };
  return panel;
}

export function drawCalendar(panel) {
  const { look } = panel;
  look.refresh();
  const nothing = !look.data || look.data.days.every((day) => !day.entries.length);
  say(panel.empty, look.failed || (look.data ? "Nothing is due in these days." : "Looking …"));
  show(panel.empty, nothing || Boolean(look.failed));
}

function take(panel, data) {
  const today = data.first <= 0 && data.first > -DAYS ? data.days[-data.first]?.day : "";
  say(panel.words, `Times in ${data.zone}`);
  // Today is there even without an entry: late in the evening, nobody takes tomorrow for it.
  const some = data.days.some((day) => day.entries.length);
  const shown = data.days.filter((day) => day.entries.length || (some && day.day === today));
  panel.days.replaceChildren(...shown.map((day) => dayNode(panel, day, day.day === today)));
  say(panel.more, `${count(data.left_out)} more tasks are due, and are not listed`);
  show(panel.more, data.left_out > 0);
}

function dayNode(panel, day, today) {
  const title = `${dayFormat.format(new Date(`${day.day}T00:00:00Z`))}${today ? " (today)" : ""}`;
  const list = day.entries.length
    ? h("ol", { class: "sk-due" }, ...day.entries.map((entry) => entryNode(panel, entry)))
    : h("p", { class: "sk-muted" }, "Nothing is due today.");
  return h("section", { class: "sk-day", "aria-label": title }, h("h4", {}, title), list);
}

function entryNode(panel, entry) {
  const { view } = panel;
  const due = entry.outcome === "due";
  const badge = createBadge();
  drawBadge(badge, OUTCOMES[entry.outcome] ? OUTCOMES[entry.outcome][0] : entry.outcome, wordsOf(entry));
  const open = entry.run ? () => view.openRun(entry.run) : () => view.openTask(entry.task);
  const name = h("button", { type: "button", class: "sk-name", onclick: open }, entry.task);
  const at = h("time", { datetime: entry.at, title: exact(entry.at) }, timesOf(entry));
  return h("li", { "data-due": due }, at, name, badge.node);
}

const OUTCOMES = { due: ["pending", "Due"], missed: ["skipped", "Missed"], coalesced: ["skipped", "Coalesced"], overlapped: ["skipped", "Overlapped"] };

function wordsOf(entry) {
  const word = OUTCOMES[entry.outcome] ? OUTCOMES[entry.outcome][1] : stateOf(entry.outcome).label;
  if (entry.count === 1) return word;
  return entry.count === null ? `${word}, many times` : `${word} × ${count(entry.count)}`;
}

function timesOf(entry) {
  const time = (iso) => timeFormat.format(new Date(iso));
  const beside = zone(millis(entry.at));
  if (entry.times.length > 1) return `${entry.times.map(time).join(", ")} ${beside}`;
  if (entry.at === entry.until) return `${time(entry.at)} ${beside}`;
  const sameDay = new Date(entry.at).toDateString() === new Date(entry.until).toDateString();
  return `${time(entry.at)} to ${sameDay ? time(entry.until) : bareMoment(entry.until, millis(entry.at))} ${beside}`;
}
