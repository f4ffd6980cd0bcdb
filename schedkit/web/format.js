// Words and numbers for people: times, counts, states. Pure functions.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const zoneFormat = new Intl.DateTimeFormat("en-GB", { hour: "numeric", timeZoneName: "short" });
const fullFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

// How each state reads, and its tone (a colour) and mark (a shape, so that colour is never alone).
export const STATES = {
  idle: { label: "Idle", tone: "quiet", mark: "ring" },
  pending: { label: "Waiting", tone: "queued", mark: "dots" },
  queued: { label: "Queued", tone: "queued", mark: "dots" },
  waiting: { label: "Waiting", tone: "queued", mark: "dots" },
  running: { label: "Running", tone: "running", mark: "spin" },
  retry: { label: "Retrying", tone: "warn", mark: "again" },
  paused: { label: "Paused", tone: "quiet", mark: "pause" },
  done: { label: "Done", tone: "good", mark: "check" },
  failed: { label: "Failed", tone: "bad", mark: "cross" },
  timeout: { label: "Timed out", tone: "bad", mark: "clock" },
  cancelled: { label: "Cancelled", tone: "quiet", mark: "slash" },
  skipped: { label: "Skipped", tone: "quiet", mark: "skip" },
  interrupted: { label: "Interrupted", tone: "warn", mark: "slash" },
};

export function stateOf(name) {
  const key = String(name || "idle").toLowerCase();
  return STATES[key] || { label: String(name), tone: "quiet", mark: "ring" };
}

// Type and message of an error: a message alone, such as 'Summary', says too little.
export function errorWords(error) {
  return error ? [error.type, error.message].filter(Boolean).join(": ") : "";
}

// Where a line of a person's own code stands.
export function lineWords({ where, file, line, function: name }) {
  return `${where || file}, line ${line}${name && !name.startsWith("<module") ? `, in ${name}` : ""}`;
}

// How the last run of a task ended that says whether it works: a cancelled or skipped one does not.
export function verdictOf({ durations = [] }) {
  const [, how] = durations.findLast(([, each]) => ["DONE", "FAILED", "TIMEOUT"].includes(each)) || [];
  return how || "";
}

// What a task's row says: one that has failed stays failed until it has run well.
export function stateOfTask(task) {
  const verdict = verdictOf(task);
  return task.state === "idle" && verdict && verdict !== "DONE" ? verdict.toLowerCase() : task.state;
}

export function isActive(run) {
  return ["PENDING", "QUEUED", "RUNNING", "RETRY"].includes(run.state);
}

export function count(value) {
  if (value === null || value === undefined) return "?";
  return Math.abs(value) < 100 && !Number.isInteger(value) ? fine.format(value) : whole.format(value);
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${Math.floor(share * 100)} %`;
}

// How long something took, spelled as schedkit.values.durations.elapsed_text does: 42ms, 4.5s, 4m 12s, 1d 1h.
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s < 1) return s ? `${Math.round(s * 1000)}ms` : "0s";
  if (s < 59.95) return `${s.toFixed(1).replace(/\.0$/, "")}s`;
  let rest = s < 86400 ? Math.round(s) : Math.round(s / 60) * 60;
  const parts = [];
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    if (rest >= length) parts.push(`${Math.floor(rest / length)}${unit}`);
    rest %= length;
  }
  return parts.join(" ");
}

export function millis(iso) {
  return iso ? Date.parse(iso) : NaN;
}

export function ago(iso, now) {
  const s = (now - millis(iso)) / 1000;
  if (Number.isNaN(s)) return "";
  return s < 5 ? "just now" : `${duration(Math.floor(s))} ago`;
}

export function until(iso, now) {
  const s = (millis(iso) - now) / 1000;
  if (Number.isNaN(s)) return "";
  if (s <= 0) return "due now";
  return `in ${duration(Math.ceil(s))}`;
}

// The reader's time zone as it is called at a moment: CET, GMT+2.
export function zone(ms) {
  if (Number.isNaN(ms)) return "";
  return zoneFormat.formatToParts(new Date(ms)).find((part) => part.type === "timeZoneName").value;
}

export function clock(ms) {
  return `${clockFormat.format(new Date(ms))} ${zone(ms)}`;
}

// A moment in the reader's own time zone, which stands beside it.
export function moment(iso, now) {
  const words = bareMoment(iso, now);
  return words ? `${words} ${zone(millis(iso))}` : "";
}

// The same without the zone, for columns that name it once: the clock today; the day and the minute otherwise.
export function bareMoment(iso, now) {
  const at = millis(iso);
  if (Number.isNaN(at)) return "";
  const date = new Date(at);
  const time = clockFormat.format(date);
  const today = date.toDateString() === new Date(now).toDateString();
  return today ? time : `${dayFormat.format(date)}, ${time.slice(0, 5)}`;
}

export function exact(iso) {
  const at = millis(iso);
  return Number.isNaN(at) ? "" : fullFormat.format(new Date(at));
}

export function bytes(size) {
  if (size === null || size === undefined) return "";
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${fine.format(size / 1024)} KB`;
  return `${fine.format(size / 1024 / 1024)} MB`;
}

export function runSeconds(run, now) {
  const start = millis(run.started_at);
  if (Number.isNaN(start)) return null;
  const end = run.finished_at ? millis(run.finished_at) : now;
  return Math.max(0, (end - start) / 1000);
}

// What a stage still needs, in seconds; null where it cannot be known.
export function remaining(stage) {
  if (!stage.total || !stage.rate || stage.done >= stage.total) return null;
  return (stage.total - stage.done) / stage.rate;
}

export function share(stage) {
  return stage.total ? Math.min(1, Math.max(0, stage.done / stage.total)) : null;
}
