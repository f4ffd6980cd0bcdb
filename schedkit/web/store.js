// What one screen knows: a snapshot, then numbered changes folded into it.

export function createStore() {
  const store = {
    seq: -1,
    skew: 0, // the scheduler's clock minus this browser's, in milliseconds
    scheduler: {},
    tasks: new Map(),
    runs: new Map(),
    version: 0,
    lost: "", // why what is shown may be no longer true
    empty: "", // why there is nothing to show yet
    access: null, // who looks, and what they may do; null: everything
    listeners: new Set(),
    now: () => Date.now() + store.skew,
    subscribe(listener) {
      store.listeners.add(listener);
      return () => store.listeners.delete(listener);
    },
    tell(facts) {
      Object.assign(store, facts);
      for (const listener of store.listeners) listener();
    },
    // Returns false when changes were missed and a snapshot must be asked for.
    apply(message) {
      if (message.kind === "snapshot") load(store, message);
      else if (message.since > store.seq || store.seq < 0) return false;
      else if (message.seq >= store.seq) fold(store, message);
      store.version += 1;
      for (const listener of store.listeners) listener();
      return true;
    },
  };
  return store;
}

function load(store, message) {
  clockFrom(store, message);
  store.scheduler = message.scheduler || {};
  store.tasks = new Map(message.tasks.map((row) => [row.name, row]));
  store.runs = new Map(message.runs.map((row) => [row.id, row]));
}

function fold(store, message) {
  clockFrom(store, message);
  Object.assign(store.scheduler, message.scheduler || {});
  patch(store.tasks, message.tasks || {});
  patch(store.runs, message.runs || {});
}

function clockFrom(store, message) {
  store.seq = message.seq;
  if (message.now) store.skew = Date.parse(message.now) - Date.now();
}

// {key: changed fields}, or {key: null} for a row that is gone.
function patch(rows, changes) {
  for (const [key, fields] of Object.entries(changes)) {
    if (fields === null) rows.delete(key);
    else rows.set(key, { ...rows.get(key), ...fields });
  }
}
