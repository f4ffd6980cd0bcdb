"""Carries out commands: those of this process, and those that others have written to the ledger for it.

What a command is about is at home here, and its engine decides; or with another process, for which the
command is left in the ledger; or nowhere, and it is decided apart.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import anyio.to_thread
from msgspec.structs import replace

from schedkit import context
from schedkit.core.engine.stimuli import Answer, Cancel, Pause, Resume, Stimulus, Submit
from schedkit.core.node.apart import HasMovedError, decide_homeless
from schedkit.core.node.backfill import Backfills
from schedkit.core.node.commands import (
    BackfillTask,
    CancelRun,
    Command,
    EndNode,
    PauseTask,
    RemoveTask,
    RequestTask,
    RescheduleTask,
    ResumeTask,
    SubmitRun,
    read_command,
)
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.life import Life
from schedkit.core.node.requests import Requests
from schedkit.core.node.send_command import send_command
from schedkit.core.node.waiters import Waiter
from schedkit.core.promise import Countdown, Promise
from schedkit.core.store.reader import Ledger
from schedkit.core.store.refusals import RefusedRowError
from schedkit.core.store.rows import CommandRow
from schedkit.core.tasks.params import check, check_data
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import refuse_to_replace
from schedkit.core.triggers import data as trigger_data
from schedkit.errors import LedgerError, NotRunningError, SchedkitError, UsageError
from schedkit.values.instants import SECOND

__all__ = ["OLDEST_SECONDS", "Dispatcher"]

_log = logging.getLogger("schedkit")

# How often the home of a task is looked for again that moves while it is asked.
MOVES = 5
# The sender of an older command has ended without taking it back: an answer is awaited for half as long.
OLDEST_SECONDS = 60.0


class Dispatcher:
    """Carries commands out; but for `submit`, on our loop.

    Parameters
    ----------
    end : callable
        Begins to stop this process's scheduler, whose runs may continue for so many seconds.

    Attributes
    ----------
    life : Life or None
        What runs tasks in this process; None: it runs none.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        declarations: Declarations,
        requests: Requests,
        config: NodeConfig,
        end: Callable[[float], Awaitable[object]],
    ) -> None:
        self._end = end
        self._ledger, self._registry = ledger, registry
        self._declarations, self._config = declarations, config
        self._backfills, self._requests = Backfills(), requests
        self.life: Life | None = None

    @property
    def actor(self) -> str:
        """Who asks: on whose behalf the present call acts, else this process."""
        return context.actor() or self._config.name

    # Asked in this process

    def submit(self, commands: Sequence[SubmitRun]) -> tuple[list[Waiter], Promise[None]] | None:
        """Have runs of one task made that is at home here, from any thread; their parameters are checked.

        Returns
        -------
        waiters, durable
            A promise of the end of each run, and one that all of them are durable. None: the task is not at
            home here, or they have a key, and the runs are not made.
        """
        life = self.life
        if life is None:
            return None
        here = life.engine.rows
        if not all(command.task in here and not command.key for command in commands):  # a key may be known
            return None
        actor, durable = self.actor, Countdown(len(commands))
        wanted = [_stimulus_of(command, command.actor or actor, token=durable) for command in commands]
        return life.submit(wanted), durable

    async def carry_out(self, command: Command, waiters: dict[str, Waiter] | None = None) -> dict[str, Any]:
        """Have a command carried out wherever its task is at home; return the answer, durable by then.

        Parameters
        ----------
        waiters : dict, optional
            Is given a promise of the end of each run that is made here, by its id.

        Raises
        ------
        NotRunningError
            If no running process could, or none has answered in time; no command is left.
        SchedkitError
            If it cannot be done; says why.
        """
        signed = replace(command, actor=command.actor or self.actor)
        ends = {} if waiters is None else waiters
        if not (isinstance(signed, SubmitRun | RequestTask) and signed.key):
            return await self._wherever(signed, ends)
        await anyio.to_thread.run_sync(self._ledger.store.open)
        if (answer := await self._known(signed)) is not None:
            return answer
        try:
            return await self._wherever(signed, ends)
        except RefusedRowError:  # another process was quicker
            ends.clear()
            if (answer := await self._known(signed)) is None:
                raise
            return answer

    async def _known(self, command: SubmitRun | RequestTask) -> dict[str, Any] | None:
        """Return the answer about the run that was asked for with the key of a command, None without one."""
        run = await anyio.to_thread.run_sync(self._ledger.run_by_key, command.key) if command.key else None
        return None if run is None else {"run": run.id, "task": run.task}

    async def _wherever(self, command: Command, ends: dict[str, Waiter]) -> dict[str, Any]:
        for left in range(MOVES, -1, -1):
            try:
                return await self._carry_out(command, ends)
            except HasMovedError:
                ends.clear()
                if not left:
                    raise
        raise AssertionError("it is answered or refused")

    async def _carry_out(self, command: Command, waiters: dict[str, Waiter]) -> dict[str, Any]:
        life = self.life
        if isinstance(command, RequestTask):
            return await self._request(life, command)
        if isinstance(command, EndNode):
            if life is not None and life.lease.life == command.life:
                await self._end_here(life, command)
                return {"life": command.life}
            return await send_command(self._ledger, command, life=command.life)
        if life is not None and _is_here(life, command):
            return await self._decide(life, command, waiters)
        await anyio.to_thread.run_sync(self._ledger.store.open)
        runs_in, task = None, command.task
        if isinstance(command, CancelRun):
            if await anyio.to_thread.run_sync(self._has_ended, command.run):
                return {"cancelled": False}
            # It continues where it was started, wherever its task is at home.
            runs_in = await anyio.to_thread.run_sync(self._ledger.life_of, command.run)
        if runs_in is None and (
            task is None or await anyio.to_thread.run_sync(self._ledger.home, task) is None
        ):
            if life is not None:
                return await self._decide_apart(life, command)
            runs_in = await self._able_process(command)
        return await send_command(self._ledger, command, life=runs_in)

    def _has_ended(self, run: str) -> bool:
        """Tell whether a run has ended, as it may have since it was looked at."""
        found = self._ledger.run(run)
        return found is None or found.state.final

    async def _request(self, life: Life | None, command: RequestTask) -> dict[str, Any]:
        """Have a requested task made by its home if it has one, else by a process that has its handler."""
        await anyio.to_thread.run_sync(self._ledger.store.open)
        refuse_to_replace(command.task, await anyio.to_thread.run_sync(self._ledger.task, command.task))
        mine = None if life is None else life.lease.life
        home = await anyio.to_thread.run_sync(self._ledger.home, command.task)
        if home is not None and home.life != mine:
            return await send_command(self._ledger, command)
        if life is not None and self._requests.can_make(command):
            return await self._requests.make(life, command)
        others = await anyio.to_thread.run_sync(self._ledger.having, command.requested.handler)
        if others:
            return await send_command(self._ledger, command, life=others[0].life)
        if life is not None:
            return await self._requests.keep(life, command)
        return await send_command(self._ledger, command, life=await self._able_process(command))

    async def _end_here(self, life: Life, command: EndNode) -> None:
        life.announce("ending", command.actor)
        _log.warning("%s stops the scheduler of this process", command.actor)
        await self._end(command.patience)

    async def _able_process(self, command: Command) -> str:
        """Return a life that decides about tasks and runs without a home."""
        for node in await anyio.to_thread.run_sync(self._ledger.nodes):
            if node.alive:
                return node.life
        raise NotRunningError(
            f"{command.kind!r}: no scheduler runs at the ledger {self._ledger.store}",
            hint="start it first: sched.start()",
        )

    async def _decide(self, life: Life, command: Command, waiters: dict[str, Waiter]) -> dict[str, Any]:
        """Have the engine here decide, durably.

        Raises
        ------
        HasMovedError
            If what the command is about has just moved elsewhere.
        """
        try:
            if isinstance(command, BackfillTask):
                waiters |= await self._backfills.make(life, command)
                return {"runs": list(waiters)}
            if isinstance(command, SubmitRun):
                waiters[command.run] = life.waiters.add(command.run)
            decided = Promise[dict[str, Any]]()
            life.post(replace(await self._stimulus(life, command), token=decided))
            answer = await life.written(decided)
        except LedgerError:  # no process knows the run
            if isinstance(command, SubmitRun):
                life.post(Cancel(run=command.run, actor=command.actor))
            raise
        except UsageError as error:
            if await anyio.to_thread.run_sync(self._has_moved, life, command):
                raise HasMovedError(error.message, hint="try again") from error
            raise
        if not isinstance(command, CancelRun) or answer["cancelled"]:
            return answer
        if not await anyio.to_thread.run_sync(self._has_ended, command.run):
            raise HasMovedError(f"run {command.run} has just moved", hint="try again")
        return answer

    def _has_moved(self, life: Life, command: Command) -> bool:
        row = None if command.task is None else self._ledger.task(command.task)
        return row is not None and row.home != life.lease.life

    async def _decide_apart(self, life: Life, command: Command, id: str = "") -> dict[str, Any]:
        if isinstance(command, BackfillTask):
            return {"runs": list(await self._backfills.make(life, command))}
        assert command.task is not None
        return await decide_homeless(life, command.task, await self._stimulus(life, command, id))

    # Asked by others

    async def answer(self, life: Life, row: CommandRow) -> None:
        """Do what a command of the ledger asks; the engine answers it in the commit of what it did.

        A command that cannot be carried out is answered with why. One that was carried out before, by a
        process that died before it could answer, is only answered.
        """
        if not life.claim_command(row.id):
            return
        try:
            answer = await self._answer(life, row)
        except SchedkitError as error:
            life.post(Answer(command=row.id, error=error))
        except Exception as error:
            # Its sender may run another version; the commands after it must be carried out all the same.
            _log.exception("the command %r of %s failed", row.kind, row.actor)
            text = f"the command {row.kind!r} failed: {type(error).__name__}: {error}"
            life.post(Answer(command=row.id, error=SchedkitError(text)))
        else:
            if answer is not None:
                life.post(Answer(command=row.id, answer=answer))

    async def _answer(self, life: Life, row: CommandRow) -> dict[str, Any] | None:
        """Carry out a command of the ledger; return what is yet to be answered, None if the engine does."""
        if life.decisions.clock.wall() - row.at > OLDEST_SECONDS * SECOND:
            raise NotRunningError(f"{row.kind!r} was left for too long and is withdrawn", hint="ask again")
        command = read_command(row.kind, row.data, row.actor)
        if isinstance(command, EndNode):
            # First: what is posted after the end is not written.
            life.post(Answer(command=row.id, answer={"life": command.life}))
            await self._end_here(life, command)
            return None
        if isinstance(command, SubmitRun):
            made = await anyio.to_thread.run_sync(self._ledger.run, command.run)
            if made is not None:
                return {"run": made.id}
        if isinstance(command, SubmitRun | RequestTask) and (known := await self._known(command)):
            return known
        if isinstance(command, BackfillTask):
            return await self._decide_apart(life, command)
        if isinstance(command, RequestTask):
            take = self._requests.make if self._requests.can_make(command) else self._requests.keep
            return await take(life, command)
        if _is_here(life, command):
            life.post(await self._stimulus(life, command, row.id))
        else:
            await self._decide_apart(life, command, row.id)
        return None

    # As stimuli of an engine

    async def _stimulus(self, life: Life, command: Command, id: str = "") -> Stimulus:
        match command:
            case SubmitRun():
                checked = replace(command, params=self._checked(command))
                return _stimulus_of(checked, command.actor, command=id)
            case CancelRun():
                return Cancel(command=id, run=command.run, actor=command.actor)
            case PauseTask():
                return Pause(command=id, task=command.task, actor=command.actor)
            case ResumeTask():
                return Resume(command=id, task=command.task, actor=command.actor)
            case RemoveTask():
                return self._declarations.remove(command.task, command.actor, command=id)
            case RescheduleTask():
                trigger = None if command.trigger is None else trigger_data.loads(command.trigger)
                return await self._declarations.reschedule(
                    command.task, trigger, command.actor, home=life.engine.rows, command=id
                )
        raise AssertionError(f"no stimulus is made of {command!r}")

    def _checked(self, command: SubmitRun) -> dict[str, Any]:
        task = self._registry.get(command.task)
        return check_data(command.task, command.params) if task is None else check(task, command.params)


def _is_here(life: Life, command: Command) -> bool:
    if isinstance(command, CancelRun):
        return command.run in life.engine.runs
    return command.task is None or command.task in life.engine.rows


def _stimulus_of(asked: SubmitRun, actor: str, /, **answered: Any) -> Submit:
    """Return the stimulus that makes a run; `answered` is who is told."""
    return Submit(
        run=asked.run,
        task=asked.task,
        params=asked.params,
        cause=asked.cause,
        actor=actor,
        retry_of=asked.retry_of,
        request=asked.request,
        key=asked.key,
        **answered,
    )
