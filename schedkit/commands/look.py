"""Commands that only look: tasks, runs, history, show, logs, due."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from schedkit.app import app
from schedkit.commands.ledgers import asking, known_task, latest_run, looking
from schedkit.commands.output import (
    LONGEST_LINE,
    console,
    moment,
    print_block,
    print_json,
    print_line,
    print_table,
)
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.board.rows import brief_error, error_words
from schedkit.core.events import Event, RunEnded, RunLogged
from schedkit.core.run import Run
from schedkit.core.states import State, parse_state
from schedkit.values.own_code import line_words
from schedkit.values.text import one_line

__all__ = ["follow", "show_due", "show_history", "show_logs", "show_run", "show_runs", "show_tasks"]

WIDE = 130  # columns; in a narrower terminal the reasons are printed below the table


def show_tasks(ledger: str | None, *, as_json: bool) -> None:
    """Print a line for each task."""
    with looking(ledger) as scheduler:
        board = scheduler.screens.board()
    if as_json:
        print_json([_task_facts(row) for row in board["tasks"]])
        return
    print_table(("task", "state", "trigger", "next run", "last", "tags"), map(_task_cells, board["tasks"]))


def _task_facts(row: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "state", "description", "trigger", "next_run", "paused", "priority", "tags", "last")
    return {name: row[name] for name in names}


def _task_cells(row: dict[str, Any]) -> list[str]:
    at = row["next_run"] and datetime.fromisoformat(row["next_run"])
    last = (row["last"] or {}).get("state") or ""
    return [row["name"], row["state"], row["trigger"] or "", moment(at), last, ", ".join(row["tags"])]


def show_runs(task: str | None, *, states: list[str], limit: int, ledger: str | None, as_json: bool) -> None:
    """Print a line for each run, newest first, with its cause and its state."""
    wanted = [parse_state(name) for name in states]
    with looking(ledger) as scheduler:
        runs = _runs(scheduler, task, limit, wanted)
    if as_json:
        print_json([run_facts(run) for run in runs])
        return
    names = ("run", "task", "state", "cause", "due", "started", "seconds", "attempts")
    rows = [
        [
            run.id,
            run.task,
            str(run.state),
            run.cause,
            moment(run.due_at),
            moment(run.started_at),
            *_figures(run),
        ]
        for run in runs
    ]
    print_table(names, rows)


def show_history(task: str | None, *, limit: int, ledger: str | None, as_json: bool) -> None:
    """Print a line for each run that has ended, newest first, and why those ended that failed."""
    with looking(ledger) as scheduler:
        runs = _runs(scheduler, task, limit, [state for state in State if state.final])
    if as_json:
        print_json([run_facts(run) for run in runs])
        return
    wide = console().width >= WIDE
    names = ("run", "task", "state", "due", "seconds", "attempts", *(["reason"] if wide else []))
    reasons = [[one_line(run.why, LONGEST_LINE)] if wide else [] for run in runs]
    rows = [
        [run.id, run.task, str(run.state), moment(run.due_at), *_figures(run), *reason]
        for run, reason in zip(runs, reasons, strict=True)
    ]
    print_table(names, rows)
    for run in runs:
        if not wide and run.why:
            print_line(f"{run.id} {run.why}")


def _runs(scheduler: Scheduler, task: str | None, limit: int, states: list[State]) -> list[Run]:
    if task is not None:
        known_task(scheduler, task)
    return scheduler.runs(task, limit, states=states)


def _figures(run: Run) -> list[str]:
    return ["" if run.seconds is None else f"{run.seconds:.2f}", str(run.attempt)]


def run_facts(run: Run) -> dict[str, Any]:
    """Return a run as a command prints it in JSON."""
    times = ("scheduled_at", "due_at", "queued_at", "started_at", "finished_at")
    return {
        "id": run.id,
        "task": run.task,
        "state": str(run.state),
        "cause": run.cause,
        "actor": run.actor,
        **{name: at and at.isoformat() for name in times for at in [getattr(run, name)]},
        "seconds": run.seconds,
        "attempts": run.attempt,
        "params": run.params,
        "reason": run.reason,
        "error": brief_error(run.error) if run.error else None,
        "result": run.result,
    }


def show_run(name: str, *, ledger: str | None, as_json: bool) -> None:
    """Print all that is known of a run, or of the latest run of a task: facts, log, traceback, files."""
    with looking(ledger) as scheduler:
        run = latest_run(scheduler, name)
        detail = scheduler.screens.run_detail(run.id)
    if as_json:
        parts = ("facts", "artifacts", "stages", "log", "attempts")
        told = {name: (run.error or {}).get(name) for name in ("lines", "traceback")}
        print_json({**run_facts(run), **told, **{part: detail[part] for part in parts}})
        return
    for label, value in _headline(run):
        print_line(value, before=f"{label:<10} ")
    for line in (run.error or {}).get("lines", ()):
        print_line(line_words(line), before=f"{'where':<10} ")
        print_line(str(line["code"]), before=f"{'':<10} > ")
    for kind, facts in detail["facts"].items():
        _section(kind, (f"{key}: {_plain(value)}" for key, value in facts.items()))
    _section("files", (f"{file['path']}  {file.get('label') or ''}" for file in detail["artifacts"]))
    _section("attempts", map(_attempt_line, detail["attempts"]))
    if detail["log"]:
        print_line("log")
    for line in detail["log"]:
        _print_log_line(line, "  ")
    if (run.error or {}).get("traceback"):
        print_line("traceback")
        print_block((run.error or {})["traceback"])


def _headline(run: Run) -> Iterator[tuple[str, str]]:
    yield "run", run.id
    yield "task", run.task
    yield "state", f"{run.state} {run.why}".strip()
    if (run.error or {}).get("hint"):
        yield "hint", (run.error or {})["hint"]
    yield "cause", f"{run.cause} by {run.actor}" if run.actor else run.cause
    for label, at in (("due", run.due_at), ("started", run.started_at), ("finished", run.finished_at)):
        if at is not None:
            yield label, f"{moment(at)} {app().tz}"
    if run.seconds is not None:
        yield "seconds", f"{run.seconds:.2f}"
    yield "attempts", str(run.attempt)
    if run.params:
        yield "params", ", ".join(f"{name}={_plain(value)}" for name, value in run.params.items())


def _section(title: str, lines: Iterable[str]) -> None:
    lines = list(lines)
    if lines:
        print_line(title)
    for line in lines:
        print_line(line, before="  ")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _attempt_line(attempt: dict[str, Any]) -> str:
    why = error_words(attempt["error"])
    at = moment(datetime.fromisoformat(attempt["started_at"]))
    return f"{attempt['number']}  {at}  {attempt['outcome']}  {why}".rstrip()


def _print_log_line(line: dict[str, Any], before: str = "") -> None:
    print_line(line["message"], before=f"{before}{moment(datetime.fromisoformat(line['at']))}  ")


def show_logs(name: str, *, follow_it: bool, ledger: str | None, as_json: bool) -> None:
    """Print the log of a run, or of the latest run of a task; follow it until the run ends."""
    if not follow_it:
        with looking(ledger) as scheduler:
            log = scheduler.screens.run_detail(latest_run(scheduler, name).id)["log"]
        if as_json:
            print_json(log)
        for line in () if as_json else log:
            _print_log_line(line)
        return
    with asking(ledger) as scheduler:
        for line in follow(scheduler, latest_run(scheduler, name).id):
            _print_log_line(line)


def follow(scheduler: Scheduler, run: str) -> Iterator[dict[str, Any]]:
    """Yield the log lines of a run as they come, until it has ended."""
    heard: queue.Queue[Event] = queue.Queue()

    def listen(event: Event) -> None:
        if event.run == run and isinstance(event, RunLogged | RunEnded):
            heard.put(event)

    unsubscribe = scheduler.subscribe(listen)
    try:
        last = 0
        while True:
            # The ledger has what was said before the subscription, and what a watcher did not hear.
            ended = scheduler.run(run).run.state.final
            for line in scheduler.screens.run_detail(run)["log"]:
                if line["n"] > last:
                    last = line["n"]
                    yield line
            if ended:
                return
            try:
                heard.get(timeout=1.0)
            except queue.Empty:
                continue
    finally:
        unsubscribe()


def show_due(task: str, *, limit: int, ledger: str | None, as_json: bool) -> None:
    """Print the next due times of a task, and the past ones with what became of each."""
    with looking(ledger) as scheduler:
        handle = scheduler.tasks[known_task(scheduler, task)]
        following = _following(handle.next_run, handle.task.trigger, limit)
        frame = scheduler.due_times(task, limit=limit).astype(object)
    rows: list[dict[str, Any]]
    rows = [{"scheduled": at, "outcome": "next", "run": None, "reason": ""} for at in reversed(following)]
    rows += frame.where(frame.notna(), None).to_dict("records")
    if as_json:
        print_json([{name: _json(value) for name, value in row.items()} for row in rows])
        return
    print_table(
        ("due", "outcome", "run", "reason"),
        (
            [moment(row["scheduled"]), str(row["outcome"]), row["run"] or "", row["reason"] or ""]
            for row in rows
        ),
    )


def _following(first: datetime | None, trigger: Any, limit: int) -> list[datetime]:
    if first is None:
        return []
    if trigger is None:
        return [first]
    # An interval counts from a due time as it does from its anchor.
    return [first, *trigger.bind(first, app().tz).walk(first, limit - 1)]


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
