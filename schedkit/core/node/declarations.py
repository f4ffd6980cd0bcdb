"""The tasks that this process declares, and their way into the engine and the ledger."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import anyio.to_thread
from msgspec.structs import replace

from schedkit import context
from schedkit.core.engine.snapshot import Found
from schedkit.core.engine.stimuli import Declare, Remove, Reschedule, StandBy
from schedkit.core.events import Event, TaskChanged
from schedkit.core.model import Task, TaskRow
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.homes import Claim, how_it_came, settle_home, tell_of_replaced
from schedkit.core.node.task_facts import schedule_text, task_facts
from schedkit.core.promise import Promise
from schedkit.core.store.lives import NodeRow
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks import origin
from schedkit.core.tasks.code import code_of
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import task_of_row
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.errors import DeclarationError, SchedkitError

__all__ = ["Declarations"]

_log = logging.getLogger("schedkit")


class Declarations:
    """What this process declares, and where that is at home.

    Parameters
    ----------
    lives : container of str
        The lives that this process has had.

    Attributes
    ----------
    bring_home : bool
        Whether all that is declared here is to be at home here, on request.
    replacing : set of str
        The tasks that are, whatever code another process has of them.
    required : dict of str to str
        The code that tasks must have to be declared here.
    elsewhere : dict of str to str
        The tasks declared here that are at home elsewhere → the life that was their home at the last look.
    declared : dict of str to datetime
        When each task was declared here last.
    """

    def __init__(
        self, ledger: Ledger, registry: Registry, config: NodeConfig, lives: Container[str] = ()
    ) -> None:
        self._lives = lives
        self._ledger, self._registry, self._config = ledger, registry, config
        self.bring_home = False
        self.replacing: set[str] = set()
        self.required: dict[str, str] = {}
        self.elsewhere: dict[str, str] = {}
        self.declared: dict[str, datetime] = {}
        self._pending: set[str] = set()

    def check(self, task: Task) -> None:
        """Refuse a task that does not have the code that it must have here.

        Raises
        ------
        DeclarationError
            Says so.
        """
        if task.name in self.required and self.required[task.name] != code_of(task):
            raise DeclarationError(
                f"task {task.name!r} has other code or options here than were executed last",
                hint="save the notebook or file as it was executed; write out values that are computed",
            )

    def expect(self, name: str, replace: bool = False) -> None:
        """Note that a task is about to be declared here, with `replace` whatever code another process has."""
        self._pending.add(name)
        if replace:
            self.replacing.add(name)

    def settled(self, names: Iterable[str]) -> None:
        """Note that it is known where these tasks are at home."""
        self._pending.difference_update(names)

    async def again(self, home: Collection[str]) -> list[Declare]:
        """Return the declarations of the tasks that are at home here, for a rebuilt engine."""
        kept = [task for name, task in self._registry.items() if name in home]
        return [replace(await self._declaration(task), place=None) for task in kept]

    async def settle(
        self,
        tasks: Sequence[Task],
        home: Container[str],
        life: str,
        tokens: Sequence[Promise[dict[str, Any]]],
        written: int,
        *,
        inherits: bool = False,
    ) -> tuple[list[Declare | StandBy], list[DeclarationError]]:
        """Return what an engine is told of tasks that are declared, and what is refused.

        Parameters
        ----------
        home : container of str
            The tasks that are at home here, with this life.
        tokens : sequence of Promise
            One for each, answered when it is written.
        written : int
            How many decisions of this life's engine are in the ledger.
        inherits : bool
            Whether they are inherited, not declared: their home has died, or this process was taken for dead.
        """
        after = {task.name: [parent.task for parent in task.after] for task in tasks}
        asked = {name: parents for name, parents in after.items() if name not in home or parents}
        found = await anyio.to_thread.run_sync(self._ledger.found, asked, life) if asked else {}
        living = await self._living() if found else {}
        codes = await anyio.to_thread.run_sync(self._ledger.codes, list(found)) if found else {}
        told: list[Declare | StandBy] = []
        refused: list[DeclarationError] = []
        for task, token in zip(tasks, tokens, strict=True):
            name, code = task.name, code_of(task)
            self.declared[name] = datetime.now(UTC)
            known = found.get(name)
            if name in home:
                told.append(await self._declaration(task, known, written=written, token=token))
                continue
            row = None if known is None else known.row
            at = None if row is None or row.home == life else living.get(row.home)
            same = at is not None and codes.get((at.life, name)) == code
            moves = self.bring_home or name in self.replacing
            try:
                place = "" if inherits else self.place(task)
                claim = settle_home(name, row, at, place=place, same_code=same, replace=moves)
            except DeclarationError as error:
                if task.requested is None:
                    refused.append(error)
                self._registry.drop(name)
                self.elsewhere.pop(name, None)
                token.settle({})
                continue
            if at is None and row is not None and codes.get((row.home, name), code) != code:
                tell_of_replaced(row, self.place(task))
            if claim is Claim.STAND_BY and at is not None:
                self.elsewhere[name] = at.life
                told.append(StandBy(task=name, code=code, token=token))
            else:
                self.elsewhere.pop(name, None)
                self.replacing.discard(name)
                made = await self._declaration(task, known, written=written, token=token)
                told.append(
                    replace(made, **how_it_came(row, at, self._lives, replace=moves, inherits=inherits))
                )
        return told, refused

    async def _living(self) -> Mapping[str, NodeRow]:
        nodes = await anyio.to_thread.run_sync(self._ledger.nodes)
        return {node.life: node for node in nodes if node.alive}

    async def _declaration(
        self,
        task: Task,
        found: Found | None = None,
        *,
        written: int = 0,
        token: Any = None,
    ) -> Declare:
        starts: list[int] = []
        if task.rate is not None:
            starts = await anyio.to_thread.run_sync(self._ledger.starts, task.name, task.rate.count)
        return Declare(
            task=task,
            id=self._id(task.name),
            trigger=None if task.trigger is None else trigger_data.dumps(task.trigger),
            schedule_text=schedule_text(task, self._config.tz),
            facts=task_facts(task, self._registry.origins.get(task.name)),
            place=self.place(task),
            code=code_of(task),
            actor=context.actor() or self._config.name,
            starts=tuple(starts),
            found=found,
            written=written,
            reason="its process ended",
            token=token,
        )

    def place(self, task: Task) -> str:
        """Return the notebook or file that declares a task, empty if none does."""
        told = self._registry.origins.get(task.name)
        if told == origin.EVERYWHERE:
            return ""
        file = origin.file_of(task, told, origin.notebook_file())
        return "" if file is None else str(file)

    # Tasks made by requests

    async def add(self, task: Task) -> None:
        """Know a requested task here, as if it was written where its handler is."""
        assert task.requested is not None
        known: Container[str] = ()
        if any(parent.task not in self._registry for parent in task.after):
            known = await anyio.to_thread.run_sync(self._names)
        self._registry.add(task, known=known, origin=self._registry.origins.get(task.requested.handler))

    async def known_tasks(self) -> list[Task]:
        """Return what is declared here; of requested tasks those that the ledger does not keep yet."""
        requested = {name for name, task in self._registry.items() if task.requested is not None}
        kept = await anyio.to_thread.run_sync(self._ledger.found_names, requested) if requested else set()
        return [task for name, task in self._registry.items() if name not in kept]

    async def requested(self, handlers: Iterable[Task]) -> list[Task]:
        """Return the tasks that requests have made of handlers which are declared here, made again."""
        names = [task.name for task in handlers if task.requested is None]
        rows = await anyio.to_thread.run_sync(self._ledger.requested, names) if names else []
        made = [task for row in rows if (task := await self._made_again(row)) is not None]
        for task in made:
            self.expect(task.name)
        return made

    async def _made_again(self, row: TaskRow) -> Task | None:
        """Make a task as the ledger keeps it, and know it here; None: its handler takes it no more."""
        assert row.requested is not None
        base = self._registry.get(row.requested.handler)
        if base is None:
            return None
        try:
            task = task_of_row(row, base)
            await self.add(task)
        except SchedkitError as error:
            _log.warning("task %r was requested and cannot be made again: %s", row.name, error)
            return None
        return task

    def row_of(self, task: Task) -> TaskRow:
        """Return the row of a task without a home."""
        return TaskRow(
            name=task.name,
            id=self._id(task.name),
            trigger=None if task.trigger is None else trigger_data.dumps(task.trigger),
            schedule_text=schedule_text(task, self._config.tz),
            facts=task_facts(task),
            requested=task.requested,
            anchored=0,
            declared=0,
        )

    def _id(self, name: str) -> str:
        return str(uuid5(UUID(self._ledger.identity), name))

    # What others did with it

    async def hear(self, events: Iterable[Event], life: str = "") -> list[StandBy]:
        """Follow what other processes did with tasks that are declared here, in this life if it runs any.

        One that is at home elsewhere with the same code may be inherited; with other code it is declared here
        no more. A task that was requested elsewhere is declared here if its handler is.
        """
        moved: dict[str, str] = {}
        fresh: dict[str, TaskRow] = {}
        for event in events:
            if not isinstance(event, TaskChanged) or event.row is None:
                continue
            if event.change == "removed":
                moved.pop(event.task, None)
                fresh.pop(event.task, None)
                self.forget(event.task, event.at)
            elif not life or event.row.home == life or self._declares_later(event.task, event.at):
                continue
            elif self._is_news(event.row):
                fresh[event.task] = event.row
            elif event.task in self._registry:
                moved[event.task] = event.row.home
        made = [task for row in fresh.values() if (task := await self._made_again(row)) is not None]
        moved |= {task.name: fresh[task.name].home for task in made}
        same = await self._same_code(moved)
        for name in same:
            self.elsewhere[name] = moved[name]
        return [StandBy(task=task.name, code=code_of(task)) for task in made if task.name in same]

    def _is_news(self, row: TaskRow) -> bool:
        """Tell whether a task was requested elsewhere that could be declared here too."""
        requested = row.requested
        if requested is None or requested.handler not in self._registry:
            return False
        known = self._registry.get(row.name)
        return known is None or known.requested not in (None, requested)

    async def inherited(self, living: Container[str]) -> list[Task]:
        """Return the tasks declared here whose home elsewhere has died, with the code that it had."""
        left = {name: home for name, home in self.elsewhere.items() if home not in living}
        return [
            task for name in await self._same_code(left) if (task := self._registry.get(name)) is not None
        ]

    async def _same_code(self, homes: Mapping[str, str]) -> list[str]:
        """Return the tasks of which their homes have the code that is here; the others are given up."""
        codes = await anyio.to_thread.run_sync(self._ledger.codes, list(homes)) if homes else {}
        same: list[str] = []
        for name, home in homes.items():
            task = self._registry.get(name)
            if task is None:
                continue
            if codes.get((home, name)) in (None, code_of(task)):
                same.append(name)
                continue
            if task.requested is None:
                _log.warning(
                    "task %r is run elsewhere with other code now: it is not declared here any more", name
                )
            self.elsewhere.pop(name, None)
            self._registry.drop(name)
        return same

    def forget(self, name: str, at: datetime | None = None) -> None:
        """Take back a declaration of before `at` (None: of any time): its task was removed."""
        if at is None or not self._declared_since(name, at):
            self.elsewhere.pop(name, None)
            # Who removed it did not know of what comes after it here, which needs it.
            with contextlib.suppress(DeclarationError):
                self._registry.remove(name)

    def _declares_later(self, name: str, at: datetime) -> bool:
        """Tell whether this process has declared a task since then, or is about to: that decides again."""
        return name in self._pending or self._declared_since(name, at)

    def _declared_since(self, name: str, at: datetime) -> bool:
        return name in self.declared and self.declared[name] >= at

    def remove(self, name: str, actor: str, *, command: str = "") -> Remove:
        """Return what has a task forgotten; this process does not declare it any more.

        Raises
        ------
        DeclarationError
            If another task comes after it.
        """
        self._registry.remove(name)
        return Remove(task=name, actor=actor, command=command)

    async def reschedule(
        self,
        name: str,
        trigger: Trigger | None,
        actor: str,
        *,
        home: Container[str] = (),
        command: str = "",
    ) -> Reschedule:
        """Return what gives a task another trigger; this process knows it by that from now on.

        Parameters
        ----------
        home : container of str
            The tasks that are at home here, also those that are not in the ledger yet.

        Raises
        ------
        DeclarationError, TriggerError
            If the task cannot have it.
        """
        if trigger is not None:
            trigger.begins(datetime.now(UTC), self._config.tz)
        task = self._registry.get(name)
        if task is not None:
            known = home
            if any(parent.task not in home for parent in task.after):
                known = await anyio.to_thread.run_sync(self._names)
            told = self._registry.origins.get(name)
            self._registry.add(replaced(task, trigger=trigger), known=known, origin=told)
        return Reschedule(
            task=name,
            trigger=trigger,
            trigger_json=None if trigger is None else trigger_data.dumps(trigger),
            schedule_text="" if trigger is None else trigger_data.words(trigger, self._config.tz),
            actor=actor,
            command=command,
        )

    def _names(self) -> list[str]:
        return [row.name for row in self._ledger.tasks()]
