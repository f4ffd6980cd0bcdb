"""Commands that ask the processes at a ledger: trigger, pause, resume, cancel, retry, backfill."""

from __future__ import annotations

from schedkit.commands.bars import StageBars
from schedkit.commands.ledgers import asking, known_task, latest_run
from schedkit.commands.look import run_facts
from schedkit.commands.output import console, print_json, print_line
from schedkit.commands.parameters import parameters_of, read_parameters
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UsageError

__all__ = ["backfill", "cancel", "pause", "resume", "retry", "trigger"]


def trigger(task: str, *, given: list[str], wait: bool, ledger: str | None, as_json: bool) -> None:
    """Have a task run now; with `wait` until the run has ended.

    Raises
    ------
    RunError
        With `wait`: the run did not end as DONE.
    """
    params = read_parameters(given)
    with asking(ledger) as scheduler:
        known = scheduler.tasks[known_task(scheduler, task)].task
        run = scheduler.submit(task, **parameters_of(params, known))
        _print_run(scheduler, run, wait=wait, as_json=as_json)


def retry(run: str, *, given: list[str], wait: bool, ledger: str | None, as_json: bool) -> None:
    """Run an ended run again, with its parameters or with those given here.

    Raises
    ------
    RunError
        With `wait`: the run did not end as DONE.
    """
    params = read_parameters(given)
    with asking(ledger) as scheduler:
        old = latest_run(scheduler, run)
        known = scheduler.tasks[known_task(scheduler, old.task)].task
        again = scheduler.retry(old.id, **parameters_of(params, known))
        _print_run(scheduler, again, wait=wait, as_json=as_json)


def _print_run(scheduler: Scheduler, run: RunHandle, *, wait: bool, as_json: bool) -> None:
    if wait:
        _wait(scheduler, run)
    if as_json:
        print_json(run_facts(run.run) if wait else {"id": run.id, "task": run.task})
    else:
        print_line(f"{run.id} {run.run.state}" if wait else run.id)
    if wait:
        run.result()


def _wait(scheduler: Scheduler, run: RunHandle) -> None:
    with StageBars(console(stderr=True)) as bars:
        unsubscribe = scheduler.subscribe(bars)
        try:
            run.wait()
        finally:
            unsubscribe()


def pause(task: str | None, *, everything: bool, ledger: str | None) -> None:
    """Stop the due times of a task, or of all."""
    with asking(ledger) as scheduler:
        scheduler.pause(_one_or_all(scheduler, task, everything))
    print_line(f"paused {task or 'all tasks'}")


def resume(task: str | None, *, everything: bool, ledger: str | None) -> None:
    """Let the due times of a task, or of all, happen again."""
    with asking(ledger) as scheduler:
        scheduler.resume(_one_or_all(scheduler, task, everything))
    print_line(f"resumed {task or 'all tasks'}")


def _one_or_all(scheduler: Scheduler, task: str | None, everything: bool) -> str | None:
    if (task is None) != everything:
        raise UsageError("name a task, or give --all", hint="`schedkit tasks` lists the tasks")
    return None if task is None else known_task(scheduler, task)


def cancel(run: str, *, ledger: str | None) -> None:
    """Cancel a run.

    Raises
    ------
    UsageError
        It has ended already.
    """
    with asking(ledger) as scheduler:
        found = latest_run(scheduler, run)
        if not scheduler.cancel(found.id):
            state = scheduler.run(found.id).run.state
            raise UsageError(f"run {found.id} of task {found.task!r} has already ended as {state}")
    print_line(f"cancelled {found.id} of {found.task}")


def backfill(task: str, start: str, end: str, *, ledger: str | None, as_json: bool) -> None:
    """Run the past due times of a task that have no run, each once."""
    with asking(ledger) as scheduler:
        runs = scheduler.backfill(known_task(scheduler, task), start, end)
    if as_json:
        print_json([{"id": run.id, "task": run.task} for run in runs])
        return
    print_line(f"{len(runs)} {'run' if len(runs) == 1 else 'runs'} of {task}")
    for run in runs:
        print_line(run.id)
