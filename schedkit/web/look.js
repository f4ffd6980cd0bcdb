// What a panel asks the other end for: when it is first seen, after a choice, and again when runs start or end,
// but never so often that looking takes more than a twentieth of the time.

const LOOK_MILLIS = 2000;
const PATIENCE = 20;

// `commandOf()` is what to ask, `take(data)` gets the answer; `look.failed` says why there is none.
export function createLook(view, commandOf, take, nothing = "There is nothing here.") {
  const look = { view, commandOf, take, nothing, data: null, failed: "", asked: "", pause: LOOK_MILLIS, at: 0 };
  look.ask = () => ask(look);
  look.refresh = () => {
    const news = signature(view.store.runs.values());
    const first = !look.data && !look.failed;
    const back = look.cut && !view.store.lost;
    if (!look.asking && (first || back)) ask(look);
    else if (news !== look.asked && Date.now() - look.at > look.pause) ask(look);
  };
  return look;
}

// What changes when a run starts or ends, and not when it makes progress.
function signature(runs) {
  let latest = "";
  let number = 0;
  for (const run of runs) {
    const at = run.finished_at || run.started_at || "";
    if (at > latest) latest = at;
    if (run.started_at) number += run.finished_at ? 2 : 1;
  }
  return `${latest} ${number}`;
}

async function ask(look) {
  if (look.asking) {
    look.again = true; // another choice while an answer was on its way
    return;
  }
  look.asking = true;
  look.cut = false;
  look.asked = signature(look.view.store.runs.values());
  const start = Date.now();
  try {
    const answer = await look.view.send(look.commandOf());
    if (answer.ok === false) throw new Error(answer.error);
    look.data = answer.data || null;
    look.failed = answer.data ? "" : look.nothing;
    if (answer.data) look.take(answer.data);
  } catch (error) {
    look.failed = error.message;
    look.cut = Boolean(look.view.store.lost);
  } finally {
    look.at = Date.now();
    look.pause = Math.max(LOOK_MILLIS, PATIENCE * (look.at - start));
    look.asking = false;
  }
  if (look.again) {
    look.again = false;
    ask(look);
  }
  look.view.redraw();
}
