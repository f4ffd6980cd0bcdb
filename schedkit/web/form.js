// A form made from a task's signature: its parameters, with their types and defaults.

import { h, show, wordButton } from "./dom.js";

export function createForm(view) {
  const panel = { view, task: null, run: null, fields: [] };
  panel.title = h("h3", { class: "sk-run-title", tabindex: "-1" });
  panel.body = h("div", { class: "sk-form-fields" });
  panel.send = wordButton("Run", "play", () => {}, { type: "submit", "data-act": "" });
  panel.close = wordButton("Close", "cross", () => closeForm(panel));
  panel.wrong = h("p", { class: "sk-refused", role: "alert", hidden: true });
  panel.form = h("form", { class: "sk-form", onsubmit: (event) => { event.preventDefault(); submit(panel); } },
    panel.body, panel.wrong, h("div", { class: "sk-line" }, panel.send));
  panel.node = h("section", { class: "sk-run", "aria-label": "Parameters", hidden: true, onkeydown: (event) => {
    if (event.key === "Escape") closeForm(panel);
  } }, h("header", { class: "sk-run-head" }, panel.title, h("span", { class: "sk-grow" }), panel.close), panel.form);
  return panel;
}

// `run` is the run that is to run again; its parameters stand in the form.
export function openForm(panel, task, run = null) {
  Object.assign(panel, { task: task.name, run, opener: document.activeElement });
  panel.title.textContent = run ? `Run ${task.name} again with …` : `Run ${task.name} with …`;
  panel.fields = (task.signature || []).map((field) => createField(field, run ? run.params || {} : {}));
  panel.body.replaceChildren(...panel.fields.map((field) => field.node));
  show(panel.wrong, false);
  show(panel.node, true);
  panel.node.scrollIntoView({ block: "nearest" });
  (panel.fields[0]?.input || panel.title).focus({ preventScroll: true });
}

export function closeForm(panel) {
  if (panel.node.hidden) return;
  show(panel.node, false);
  if (panel.opener?.isConnected) panel.opener.focus({ preventScroll: true });
}

async function submit(panel) {
  const params = {};
  for (const field of panel.fields) {
    try {
      const value = field.read();
      if (value !== undefined) params[field.name] = value;
    } catch (error) {
      return complain(panel, `${field.name}: ${error.message}`, field.input);
    }
  }
  const command = panel.run ? { do: "again", run: panel.run.id, params } : { do: "run", task: panel.task, params };
  const answer = await panel.view.ask(command, panel.send, (error) => complain(panel, error));
  if (answer) closeForm(panel);
}

function complain(panel, words, input = null) {
  panel.wrong.textContent = words;
  show(panel.wrong, true);
  input?.focus();
}

const WORDS = { integer: "whole number", number: "number", flag: "yes or no", date: "date", time: "date and time, with its offset", json: "JSON", any: "text or JSON", text: "text", choice: "one of these" };

function createField(field, given) {
  const has = field.name in given;
  const start = has ? given[field.name] : field.default;
  const input = makeInput(field, start);
  const id = `sk-${Math.random().toString(36).slice(2)}`;
  input.id = id;
  if (field.required && input.type !== "checkbox") input.required = true;
  const note = [WORDS[field.kind], field.required ? "required" : "", !has && field.shown ? `default ${field.shown}` : ""].filter(Boolean).join(", ");
  const node = h("div", { class: "sk-field" }, h("label", { for: id }, field.name), input, h("span", { class: "sk-under" }, note));
  const first = valueOf(field, input);
  // What is left as it was is not sent: a default stays the task's own, and a run's value its own.
  const read = () => (!field.required && valueOf(field, input) === first ? undefined : parse(field, valueOf(field, input)));
  return { name: field.name, node, input, read };
}

function makeInput(field, start) {
  const text = start === undefined || start === null ? "" : typeof start === "string" && field.kind !== "json" ? start : JSON.stringify(start);
  if (field.kind === "flag" && !field.optional) return h("input", { type: "checkbox", class: "sk-check", checked: start === true });
  if (field.kind === "flag" || field.kind === "choice") return makeChoice(field, start);
  if (field.kind === "json") return withValue(h("textarea", { class: "sk-input sk-area", rows: "3", spellcheck: "false" }), text);
  const type = { integer: "number", number: "number", date: "date" }[field.kind] || "text";
  const step = { integer: "1", number: "any" }[field.kind];
  return withValue(h("input", { type, step, class: "sk-input", autocomplete: "off" }), text);
}

function withValue(input, text) {
  input.value = text;
  return input;
}

function makeChoice(field, start) {
  const values = field.kind === "flag" ? [true, false] : field.choices;
  const all = field.optional && !values.includes(null) ? [null, ...values] : values;
  const words = (value) => (value === null ? "none" : typeof value === "boolean" ? (value ? "yes" : "no") : String(value));
  const options = all.map((value) => h("option", { value: JSON.stringify(value) }, words(value)));
  if (start === undefined) options.unshift(h("option", { value: "" }, "choose …"));
  return withValue(h("select", { class: "sk-input" }, ...options), start === undefined ? "" : JSON.stringify(start));
}

function valueOf(field, input) {
  return input.type === "checkbox" ? input.checked : input.value;
}

// The text of a field as a value; undefined is the task's default.
function parse(field, value) {
  if (typeof value === "boolean") return value;
  const text = field.kind === "text" ? value : value.trim();
  if (text === "" && field.kind !== "text") return field.optional ? null : undefined;
  if (text === "" && field.optional) return null;
  if (field.kind === "integer" || field.kind === "number") return numberOf(text);
  if (field.kind === "choice" || field.kind === "flag") return JSON.parse(text);
  if (field.kind === "json") return json(text);
  if (field.kind === "any") return loose(text);
  return text;
}

function numberOf(text) {
  const number = Number(text);
  if (Number.isNaN(number)) throw new Error("a number is needed");
  return number;
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('write it as JSON, e.g. ["A", "B"] or {"a": 1}');
  }
}

function loose(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
