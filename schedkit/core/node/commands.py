"""What others ask of this process through the ledger, as stimuli of its engine."""

from __future__ import annotations

import logging
from typing import Any

import anyio.to_thread

from schedkit.core.engine.stimuli import Answer, Cancel, Pause, Resume, Stimulus, Submit
from schedkit.core.node.apart import HasMovedError, decide_homeless
from schedkit.core.node.backfill import Backfills
from schedkit.core.node.life import Life
from schedkit.core.store.reader import CommandRow
from schedkit.core.tasks.params import check
from schedkit.core.triggers import data as trigger_data
from schedkit.errors import (
    DeclarationError,
    NotRunningError,
    ParameterError,
    SchedkitError,
    TriggerError,
    UsageError,
)

__all__ = ["answered", "carry_out"]

_log = logging.getLogger("schedkit")

# What wrong input is called, wherever it is refused.
_REFUSALS: dict[str, type[SchedkitError]] = {
    kind.__name__: kind
    for kind in (UsageError, DeclarationError, TriggerError, ParameterError, NotRunningError, HasMovedError)
}


async def carry_out(life: Life, backfills: Backfills, command: CommandRow) -> None:
    """Do what a command asks; the engine answers it in the commit of what it did.

    A command that cannot be done is answered with why.
    """
    if not life.claim_command(command.id):
        return
    try:
        run = command.data.get("run") if command.kind == "submit" else None
        if run is not None and await anyio.to_thread.run_sync(life.ledger.run, run) is not None:
            # Written by a process that died before it could answer.
            life.post(Answer(command=command.id, answer={"run": run}))
        elif command.kind == "backfill":
            answer = await backfills.carry_out(command.data, command.actor)
            life.post(Answer(command=command.id, answer=answer))
        elif command.kind in _STIMULI:
            await _decide(life, command, _STIMULI[command.kind](life, command))
        else:
            life.post(_refusal(command, SchedkitError(f"no command is called {command.kind!r}")))
    except SchedkitError as error:
        life.post(_refusal(command, error))
    except Exception as error:
        # Whoever left it may know other words than ours; the commands after it must be heard all the same.
        _log.exception("the command %r of %s failed", command.kind, command.actor)
        text = f"the command {command.kind!r} failed: {type(error).__name__}: {error}"
        life.post(_refusal(command, SchedkitError(text)))


async def _decide(life: Life, command: CommandRow, stimulus: Stimulus) -> None:
    task = command.task
    if task is None or task in life.engine.rows or command.data.get("run") in life.engine.runs:
        life.post(stimulus)
    else:
        await decide_homeless(life, task, stimulus)


def _refusal(command: CommandRow, error: SchedkitError) -> Answer:
    return Answer(command=command.id, error=error)


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a command, or raise why it could not be carried out."""
    if "error" in answer:
        kind = _REFUSALS.get(answer.get("type", ""), SchedkitError)
        raise kind(answer["error"], hint=answer.get("hint", ""))
    return answer


def _submit(life: Life, command: CommandRow) -> Stimulus:
    name, params = command.data["task"], command.data.get("params", {})
    task = life.registry.get(name)
    if task is not None:
        params = check(task, params)
    elif not isinstance(params, dict):
        raise ParameterError(f"task {name!r}: parameters are not a mapping")
    run = command.data["run"]
    return Submit(command=command.id, run=run, task=name, cause="command", actor=command.actor, params=params)


def _cancel(life: Life, command: CommandRow) -> Stimulus:
    return Cancel(command=command.id, run=command.data["run"], actor=command.actor)


def _pause(life: Life, command: CommandRow) -> Stimulus:
    return Pause(command=command.id, task=command.data.get("task"), actor=command.actor)


def _resume(life: Life, command: CommandRow) -> Stimulus:
    return Resume(command=command.id, task=command.data.get("task"), actor=command.actor)


def _remove(life: Life, command: CommandRow) -> Stimulus:
    return life.declarations.remove(command.data["task"], command.actor, command=command.id)


def _reschedule(life: Life, command: CommandRow) -> Stimulus:
    text = command.data["trigger"]
    trigger = None if text is None else trigger_data.loads(text)
    name, known = command.data["task"], life.engine.rows
    return life.declarations.reschedule(name, trigger, command.actor, known=known, command=command.id)


_STIMULI = {
    "submit": _submit,
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "reschedule": _reschedule,
}
