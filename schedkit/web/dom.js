// Drawing without a framework. Text reaches the page through textContent only, so it is always inert.

const SVG = "http://www.w3.org/2000/svg";

const MARKS = {
  ring: "M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  spin: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  again: "M12.5 8a4.5 4.5 0 1 1-1.4-3.3M12.5 2.5v3h-3",
  pause: "M5.75 4v8M10.25 4v8",
  play: "M5 3.2v9.6l7.5-4.8z",
  resume: "M3.5 3.5v9M6.8 3.5v9l6.4-4.5z",
  check: "M3.5 8.5l3 3l6-6.5",
  cross: "M4 4l8 8M12 4l-8 8",
  clock: "M8 2.75a5.25 5.25 0 1 0 0 10.5a5.25 5.25 0 1 0 0-10.5M8 5.2V8l2 1.6",
  slash: "M8 2.75a5.25 5.25 0 1 0 0 10.5a5.25 5.25 0 1 0 0-10.5M4.4 4.4l7.2 7.2",
  skip: "M3.5 4l4 4l-4 4M8.5 4l4 4l-4 4",
  stop: "M4.5 4.5h7v7h-7z",
  down: "M4 6l4 4l4-4",
  up: "M4 10l4-4l4 4",
  left: "M10 4l-4 4l4 4",
  right: "M6 4l4 4l-4 4",
  search: "M7 2.75a4.25 4.25 0 1 0 0 8.5a4.25 4.25 0 1 0 0-8.5M10.2 10.2l3 3",
  file: "M4 2.5h5l3 3v8h-8zM9 2.5v3h3",
  save: "M8 2.5v7.5M4.8 7.2L8 10.4l3.2-3.2M3 13.2h10",
  form: "M2.5 5h6M12 5h1.5M2.5 11h1.5M7.5 11h6M10.25 3.2v3.6M5.75 9.2v3.6",
  hand: "M2.5 11.5h11M5 8.2L8 5.2l3 3M8 5.2v6",
};

// h("button", {class: "x", "aria-label": "y", onclick: fn}, child, "text", null)
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) put(node, name, value);
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

export function put(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? "" : String(value));
}

export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export function icon(mark) {
  const path = svg("path", { d: MARKS[mark] || MARKS.ring });
  return svg("svg", { viewBox: "0 0 16 16", class: `sk-icon sk-icon-${mark}`, "aria-hidden": "true" }, path);
}

// Write only what differs: an untouched node costs no layout and announces nothing.
export function say(node, words) {
  const text = words === null || words === undefined ? "" : String(words);
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

// Keep one child of `parent` for each item, in order; rows keep their nodes, so focus and selection stay.
export function keyed(parent, items, keyOf, create, update) {
  const rows = (parent.skRows ??= new Map());
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const wanted = new Set();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    wanted.add(key);
    let row = rows.get(key);
    if (!row) {
      row = create(item);
      rows.set(key, row);
    }
    update(row, item);
    if (row.node === place) place = place.nextElementSibling;
    else parent.insertBefore(row.node, place);
  }
  for (const [key, row] of rows) {
    if (wanted.has(key)) continue;
    row.node.remove();
    rows.delete(key);
  }
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

export function button(label, mark, onclick, extra = {}) {
  return h("button", { type: "button", class: "sk-button", title: label, "aria-label": label, onclick, ...extra }, icon(mark));
}

export function wordButton(label, mark, onclick, extra = {}) {
  return h("button", { type: "button", class: "sk-button sk-wordy", onclick, ...extra }, mark ? icon(mark) : null, h("span", {}, label));
}

// A button for what cannot be undone: the first click asks, the second one acts.
export function sureButton(label, question, act, props = {}) {
  const words = h("span", {}, label);
  let timer = 0;
  const calm = () => { timer = 0; say(words, label); put(node, "data-on", false); };
  const node = h("button", { type: "button", class: "sk-button sk-wordy", ...props, onclick: () => {
    if (timer) {
      clearTimeout(timer);
      calm();
      act();
      return;
    }
    say(words, question);
    put(node, "data-on", "true");
    timer = setTimeout(calm, 4000);
  } }, words);
  return node;
}

export function select(label, choices, onchange) {
  const node = h("select", { class: "sk-input", "aria-label": label, onchange: () => onchange(node.value) });
  fillSelect(node, choices);
  return node;
}

// The same with one of them chosen, which stays a choice also where it is none of them now.
export function offer(node, choices, chosen) {
  fillSelect(node, choices.some(([value]) => value === chosen) ? choices : [...choices, [chosen, chosen]]);
  if (node.value !== chosen) node.value = chosen;
}

export function fillSelect(node, choices) {
  const signature = JSON.stringify(choices);
  if (node.skChoices === signature) return;
  node.skChoices = signature;
  const chosen = node.value;
  node.replaceChildren(...choices.map(([value, words]) => h("option", { value }, words)));
  if (choices.some(([value]) => value === chosen)) node.value = chosen;
}
