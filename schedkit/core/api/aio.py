"""The async face of a scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import anyio.to_thread
from msgspec.structs import replace

from schedkit.core.api.queries import Queries
from schedkit.core.api.run_handle import RunHandle, RunHost
from schedkit.core.api.task_handle import TaskHandle, named
from schedkit.core.engine.stimuli import Cancel, Pause, Resume, Stimulus
from schedkit.core.ids import new_id
from schedkit.core.node.backfill import asked
from schedkit.core.node.node import Node
from schedkit.core.node.submissions import submit_all
from schedkit.core.promise import Promise
from schedkit.core.tasks.params import check, check_data
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Moment, between
from schedkit.errors import UsageError
from schedkit.loop import awaited, bridged, service, wait
from schedkit.values.durations import Duration, parse_duration

__all__ = ["AsyncScheduler"]

_STIMULI: dict[str, Callable[..., Stimulus]] = {"pause": Pause, "resume": Resume}


class AsyncScheduler:
    """The async face of a scheduler: the same methods, awaited, from any loop."""

    def __init__(self, host: RunHost, node: Node, queries: Queries, started: Callable[[], None]) -> None:
        self._host, self._node, self._queries, self._started = host, node, queries, started

    @bridged
    async def start(self) -> None:
        """Run the tasks that are declared here, beside other processes at the same ledger."""
        await self._node.start()
        self._started()

    @bridged
    async def watch(self) -> None:
        """Follow what others do and ask them, and run nothing; a scheduler that runs goes on."""
        await self._node.watch()

    @bridged
    async def stop(self, deadline: Duration = "30s") -> None:
        """Let running attempts end until `deadline`, interrupt and record the rest."""
        await self._node.stop(parse_duration(deadline, "deadline"))

    @bridged
    async def bring_home(self) -> None:
        """Have this process run all that is declared here, now and later, wherever it is at home."""
        self._node.declarations.bring_home = True
        await self._node.declare(list(self._node.registry.values()))

    @bridged
    async def submit(self, name: str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns."""
        handles, durable, checked = self._submit(name, [params])
        if durable is None or not await self._unless_moved(durable.future(), handles[0].task):
            await self._ask_all(handles, checked)
        return handles[0]

    def submit_blocking(self, name: str, batch: Iterable[Mapping[str, Any]]) -> list[RunHandle]:
        """Ask for a run for each set of parameters, from any thread but our loop's."""
        handles, durable, checked = self._submit(name, batch)
        if durable is not None:
            try:
                wait(durable)
            except UsageError:
                if not self._queries.has_moved(handles[0].task):
                    raise
            else:
                return handles
        service().call(self._ask_all, handles, checked)
        return handles

    def submit_soon(self, name: str) -> None:
        """Submit a run without parameters, from any thread, and do not wait until it is durable."""
        self._submit(name, [{}])

    def _submit(
        self, name: str, batch: Iterable[Mapping[str, Any]]
    ) -> tuple[list[RunHandle], Promise[None] | None, list[dict[str, Any]]]:
        """Return handles, a promise that the runs are durable (None: ask for them elsewhere), parameters."""
        name = getattr(name, "name", name)
        node = self._node
        task = node.registry.get(name)
        if task is None:
            self._queries.known(named(name))
        if task is not None:
            checked = [check(task, params) for params in batch]
        else:
            checked = [check_data(name, params) for params in batch]
        life = node.life
        if life is None or name not in life.engine.rows:
            return [RunHandle(self._host, new_id(), name) for _ in checked], None, checked
        wanted = [{"params": params} for params in checked]
        ids, waiters, durable = submit_all(life, name, wanted, actor=node.config.name)
        handles = [RunHandle(self._host, id, name, waiter) for id, waiter in zip(ids, waiters, strict=True)]
        return handles, durable, checked

    async def _ask_all(self, handles: list[RunHandle], checked: list[dict[str, Any]]) -> None:
        """Have runs made where their task is at home."""
        for handle, params in zip(handles, checked, strict=True):
            handle.ask_again()
            data = {"run": handle.id, "task": handle.task, "params": params}
            await self._node.ask("submit", data, task=handle.task)

    @bridged
    async def backfill(self, name: TaskHandle[..., Any] | str, start: Moment, end: Moment) -> list[RunHandle]:
        """Run the past due times of a task that have no run, each once, oldest first.

        Parameters
        ----------
        start, end : datetime, date or str
            The window, both included; aware, or wall times of this machine. A day counts to its end.

        Raises
        ------
        NotRunningError
            If no running process has the task.
        UsageError
            If the task has no schedule, or the window holds more than 10,000 due times.
        """
        node = self._node
        name = named(name)
        first, last = between(start, end)
        if first > last:
            raise UsageError(f"task {name!r}: {start} is after {end}", hint="backfill from the earlier time")
        if self._at_home(name):
            ids, waiters, _ = await node.backfills.make(name, first, last, node.config.name)
            return [RunHandle(self._host, id, name, ends) for id, ends in zip(ids, waiters, strict=True)]
        self._queries.known(name)
        answer = await node.ask("backfill", asked(name, first, last), task=name)
        return [RunHandle(self._host, id, name) for id in answer["runs"]]

    @bridged
    async def cancel(self, run: str) -> bool:
        """Cancel a run, durable when it returns; False if it had ended."""
        node = self._node
        if node.life is not None and run in node.life.engine.runs:
            decided = Promise[dict[str, Any]]()
            node.life.post(Cancel(run=run, actor=node.config.name, token=decided))
            if (await awaited(decided.future()))["cancelled"]:
                return True
        found = await anyio.to_thread.run_sync(self._queries.run, run)
        if found.state.final:
            return False
        # A run goes on where it was started, though its task may be at home elsewhere by now.
        life = await anyio.to_thread.run_sync(node.ledger.life_of, run)
        answer = await node.ask("cancel", {"run": run}, task=found.task, life=life)
        return bool(answer["cancelled"])

    @bridged
    async def pause(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Stop the due times of a task, or of all; submitted runs go on."""
        await self._act("pause", name)

    @bridged
    async def resume(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Let due times happen again; those passed over are recorded as missed."""
        await self._act("resume", name)

    @bridged
    async def remove(self, name: TaskHandle[..., Any] | str) -> None:
        """Forget a task, here and wherever it is declared now; its history stays."""
        name, node = self._queries.known(named(name)), self._node
        if not (
            self._at_home(name)
            and await self._decided(name, node.declarations.remove(name, node.config.name))
        ):
            await node.ask("remove", {"task": name}, task=name)
        node.declarations.forget(name)

    def _at_home(self, name: str) -> bool:
        life = self._node.life
        return life is not None and name in life.engine.rows

    async def _decided(self, name: str | None, stimulus: Stimulus) -> bool:
        """Have the engine here decide, durably; False if the task has just moved elsewhere."""
        life = self._node.life
        assert life is not None
        answer = Promise[dict[str, Any]]()
        life.post(replace(stimulus, token=answer))
        return await self._unless_moved(answer.future(), name)

    async def _unless_moved(self, durable: Future[Any], name: str | None) -> bool:
        """Wait for a decision of the engine here; False if it knows the task no more, which has moved."""
        try:
            await awaited(durable)
        except UsageError:
            if name is None or not await anyio.to_thread.run_sync(self._queries.has_moved, name):
                raise
            return False
        return True

    async def _act(self, word: str, name: TaskHandle[..., Any] | str | None) -> None:
        node = self._node
        if name is not None:
            name = self._queries.known(named(name))
        here = node.life is not None if name is None else self._at_home(name)
        if not (here and await self._decided(name, _STIMULI[word](task=name, actor=node.config.name))):
            await node.ask(word, {"task": name}, task=name)

    @bridged
    async def reschedule(self, name: TaskHandle[..., Any] | str, trigger: object) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        node = self._node
        name = self._queries.known(named(name))
        made = None if trigger is None else trigger_data.of(trigger)
        known, moved = self._queries.names(), not self._at_home(name)
        if not moved:
            stimulus = node.declarations.reschedule(name, made, node.config.name, known=known)
            moved = not await self._decided(name, stimulus)
        if moved:
            text = None if made is None else trigger_data.dumps(made)
            await node.ask("reschedule", {"task": name, "trigger": text}, task=name)

    @bridged
    async def result(self, run: str) -> Any:
        """Return what a run returned, waiting for its end."""
        found = await anyio.to_thread.run_sync(self._queries.run, run)
        finished = await self._node.end_of(run)
        handle = RunHandle(self._host, run, found.task)
        return await anyio.to_thread.run_sync(handle.value_of, finished)
