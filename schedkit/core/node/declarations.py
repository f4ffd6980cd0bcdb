"""A declared task as the engine and other processes know it."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

import anyio.to_thread

from schedkit.core.engine.values import Declare, Remove, Reschedule
from schedkit.core.ids import new_id
from schedkit.core.model import Task, TaskRow
from schedkit.core.node.config import NodeConfig
from schedkit.core.store.lives import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.options import shown_options
from schedkit.core.tasks.registry import Registry
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.values.instants import to_micros

__all__ = ["Declarations", "describe", "row_from"]


class Declarations:
    """The tasks that this process declares, and what its engine is told of them.

    Parameters
    ----------
    lease : Lease
        Its life goes with each declaration: a viewer tells by it whether the present owner has the code.
    """

    def __init__(self, ledger: Ledger, registry: Registry, config: NodeConfig, lease: Lease) -> None:
        self._ledger, self._registry, self._config, self._lease = ledger, registry, config, lease
        # When tasks were removed, as ids, which sort by time: a declaration from before is void.
        self._removed: dict[str, str] = {}

    async def all(self) -> list[Declare]:
        """Return the declarations of all tasks."""
        return [await self.declare(task) for task in self._registry.values()]

    async def declare(self, task: Task, token: Any = None) -> Declare:
        """Return the declaration of a task, with its latest starts that count towards its rate."""
        starts: list[int] = []
        if task.rate is not None:
            runs = await anyio.to_thread.run_sync(
                functools.partial(self._ledger.runs, task.name, limit=task.rate.count)
            )
            starts = [run.started for run in runs if run.started is not None]
        return Declare(
            task=task,
            trigger=None if task.trigger is None else trigger_data.dumps(task.trigger),
            words=_words(task, self._config.tz),
            facts={**_facts(task), "life": self._lease.life},
            actor=self._config.name,
            starts=tuple(starts),
            token=token,
        )

    def remove(self, name: str, actor: str, *, token: Any = None, command: str = "") -> Remove:
        """Return what has a task forgotten; this process does not declare it any more.

        Raises
        ------
        DeclarationError
            If another task comes after it.
        """
        self._registry.remove(name)
        self._removed[name] = new_id()
        return Remove(task=name, actor=actor, token=token, command=command)

    def removed_since(self, name: str, command: str) -> bool:
        """Tell whether a task was removed after a command was left."""
        return command < self._removed.get(name, "")

    def reschedule(
        self,
        name: str,
        trigger: Trigger | None,
        actor: str,
        *,
        known: Container[str] = (),
        token: Any = None,
        command: str = "",
    ) -> Reschedule:
        """Return what gives a task another trigger; this process knows it by that from now on.

        Parameters
        ----------
        known : container of str
            Tasks that only the ledger knows, which may be parents too.

        Raises
        ------
        DeclarationError, TriggerError
            If the task cannot have it.
        """
        if trigger is not None:
            trigger.begins(datetime.now(UTC), self._config.tz)
        task = self._registry.get(name)
        if task is not None:
            self._registry.add(replaced(task, trigger=trigger), known=known)
        return Reschedule(
            task=name,
            trigger=trigger,
            text=None if trigger is None else trigger_data.dumps(trigger),
            words="" if trigger is None else trigger.text(self._config.tz),
            actor=actor,
            token=token,
            command=command,
        )


def describe(task: Task) -> dict[str, Any]:
    """Return what another process may know of a task: all but its code."""
    return {
        "name": task.name,
        "trigger": None if task.trigger is None else trigger_data.dumps(task.trigger),
        "words": _words(task, None),
        "facts": _facts(task),
    }


def row_from(data: Mapping[str, Any], actor: str, tz: tzinfo | None) -> TaskRow:
    """Return the row of a task described by `describe`."""
    now, text = datetime.now(UTC), data["trigger"]
    trigger = None if text is None else trigger_data.loads(text)
    first = None if trigger is None else trigger.begins(now, tz)
    return TaskRow(
        name=data["name"],
        trigger=text,
        words=data["words"] if trigger is None else trigger.text(tz),
        anchored=to_micros(now),
        next=None if first is None else to_micros(first),
        facts=data["facts"],
        declared=to_micros(now),
        who=actor,
    )


def _words(task: Task, tz: tzinfo | None) -> str:
    if task.trigger is not None:
        return task.trigger.text(tz)
    return "after " + ", ".join(parent.task for parent in task.after) if task.after else ""


def _facts(task: Task) -> dict[str, Any]:
    return {
        "description": task.description,
        "tags": list(task.tags),
        "priority": int(task.priority),
        "timeout": task.timeout,
        "after": [parent.task for parent in task.after],
        "overlap": task.overlap.value,
        "max_instances": task.max_instances,
        "place": task.place,
        "rate": "" if task.rate is None else str(task.rate),
        "options": shown_options(task),
    }
