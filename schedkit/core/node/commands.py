"""What others ask of the owner through the ledger."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from schedkit.core.ledger.reader import CommandRow
from schedkit.core.node.backfill import Backfills
from schedkit.core.owner.owner import Owner
from schedkit.core.tasks.params import check
from schedkit.core.when import data as trigger_data
from schedkit.errors import DeclarationError, ParameterError, SchedkitError, TriggerError, UsageError

__all__ = ["answered", "carry_out"]

_log = logging.getLogger("schedkit")

# What wrong input is called, wherever it is refused.
_REFUSALS: dict[str, type[SchedkitError]] = {
    kind.__name__: kind for kind in (UsageError, DeclarationError, TriggerError, ParameterError)
}


async def carry_out(owner: Owner, backfills: Backfills, command: CommandRow) -> None:
    """Do what a command asks, and answer it; a command that cannot be done is answered with why."""
    if not owner.claim_command(command.id):
        return
    try:
        if command.kind == "backfill":
            _known(owner, command.data["task"])
            answer = await backfills.carry_out(command.data, command.who)
        elif command.kind in _ACTIONS:
            answer = _ACTIONS[command.kind](owner, command)
        else:
            answer = {"error": f"no command is called {command.kind!r}"}
    except SchedkitError as error:
        answer = {"error": error.message, "hint": error.hint, "type": type(error).__name__}
    except Exception as error:
        # Whoever left it may know other words than ours; the commands after it must be heard all the same.
        _log.exception("the command %r of %s failed", command.kind, command.who)
        answer = {"error": f"the command {command.kind!r} failed: {type(error).__name__}: {error}"}
    owner.answer(command.id, {"ok": True, **answer} if "error" not in answer else answer)


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a command, or raise what the owner could not do."""
    if "error" in answer:
        kind = _REFUSALS.get(answer.get("type", ""), SchedkitError)
        raise kind(answer["error"], hint=answer.get("hint", ""))
    return answer


def _known(owner: Owner, name: str) -> None:
    if name not in owner.rows:
        known = ", ".join(map(repr, owner.rows)) or "none"
        raise UsageError(f"no task is called {name!r}", hint=f"there are: {known}")


def _submit(owner: Owner, command: CommandRow) -> dict[str, Any]:
    name, params = command.data["task"], command.data.get("params", {})
    _known(owner, name)
    task = owner.registry.get(name)
    if task is not None:
        params = check(task, params)
    elif not isinstance(params, dict):
        raise ParameterError(f"task {name!r}: parameters are not a mapping")
    run = owner.new_run(name, "command", command.who, id=command.data["run"], params=params)
    if run.id not in owner.runs:
        owner.submit(run)
    return {"run": run.id}


def _cancel(owner: Owner, command: CommandRow) -> dict[str, Any]:
    return {"cancelled": owner.cancel(command.data["run"], command.who)}


def _pause(owner: Owner, command: CommandRow) -> dict[str, Any]:
    name = command.data.get("task")
    if name is not None:
        _known(owner, name)
    owner.pause(name, command.who)
    return {}


def _resume(owner: Owner, command: CommandRow) -> dict[str, Any]:
    name = command.data.get("task")
    if name is not None:
        _known(owner, name)
    owner.resume(name, command.who)
    return {}


def _remove(owner: Owner, command: CommandRow) -> dict[str, Any]:
    name = command.data["task"]
    _known(owner, name)
    owner.registry.remove(name)
    owner.remove(name, command.who)
    return {}


def _reschedule(owner: Owner, command: CommandRow) -> dict[str, Any]:
    name, text = command.data["task"], command.data["trigger"]
    _known(owner, name)
    trigger = None if text is None else trigger_data.loads(text)
    owner.reschedule(name, trigger, command.who)
    return {}


def _declare(owner: Owner, command: CommandRow) -> dict[str, Any]:
    if command.id < owner.removed.get(command.data["name"], ""):
        return {}
    owner.declare_absent(replace(owner.row_from(command.data, command.who), declared_at=datetime.now(UTC)))
    return {}


_ACTIONS = {
    "submit": _submit,
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "reschedule": _reschedule,
    "declare": _declare,
}
