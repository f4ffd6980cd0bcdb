"""The home's end of a cluster: where its calls are, which workers there are, and whether they are heard.

All of it lives on a loop of its own, in one thread, however many calls there are.
"""

from __future__ import annotations

import asyncio  # Dask's client is asyncio's
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import AsyncExitStack, suppress
from typing import Any

from schedkit.core.execution.cluster.connection import CONNECT_SECONDS, Connection, connected, within
from schedkit.core.execution.cluster.home_call import HomeCall, KnownWorker, Pulse, unprotected
from schedkit.core.execution.cluster.local import LocalWorker
from schedkit.core.execution.cluster.messages import (
    WORKERS,
    Heard,
    Hello,
    Kept,
    Load,
    Refused,
    Said,
    StopCall,
    calls_of,
    decoded,
    encoded,
    unpickled,
)
from schedkit.core.execution.cluster.placement import Needs, Room, WorkerRow, choose, room
from schedkit.core.execution.cluster.worker import carry_out, tell
from schedkit.core.execution.execute import AttemptLostError
from schedkit.core.execution.remote_call import pass_on
from schedkit.core.execution.threads import Threads
from schedkit.values.text import one_line

__all__ = ["Cluster"]

_log = logging.getLogger("schedkit")

LOOK_SECONDS = 0.1
# Between two attempts to reach the cluster.
PAUSE_SECONDS = 1.0


class Cluster:
    """The workers of a Dask cluster, for one process.

    Parameters
    ----------
    address : str or None
        Of the Dask scheduler; None: a cluster is made in this process, with one worker on this machine.
    places : int
        How many calls that worker carries out at once.
    threads : Threads
        For what may wait for the ledger.
    """

    def __init__(self, address: str | None, places: int, threads: Threads) -> None:
        self.address, self._places, self._threads = address, places, threads
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pulse: Pulse | None = None
        self._needs: dict[str, Needs] = {}
        self._files: dict[str, None] = {}
        # On the loop
        self._distributed: Any = None
        self._client: Any = None
        self._local: LocalWorker | None = None
        self._warned = False
        self._away = "the cluster has not been reached yet"
        self._workers: dict[str, KnownWorker] = {}
        self._calls: dict[str, HomeCall] = {}
        self._waiting: set[HomeCall] = set()  # for a worker
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room, self._tell_at = Room(), 0.0

    # From any thread

    def live(self, pulse: Pulse) -> None:
        """Tell workers of this life from now on, and it of them."""
        self._pulse = pulse
        self._on_loop(self._begin_life)

    def expect(self, needs: Needs, file: str) -> None:
        """Look for workers that can carry out a task, which this file declares."""
        self._needs[needs.task] = needs
        with self._lock:
            if self._thread is None:
                ready = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(ready,), name="schedkit-cluster", daemon=True
                )
                self._thread.start()
                ready.wait()
        self._on_loop(lambda: self._look_for(file))

    def begin(self, call: HomeCall) -> None:
        """Have a call carried out."""
        self._on_loop(lambda: self._start(self._carry(call)))

    def stop_call(self, call: HomeCall) -> None:
        """Have a call stop."""
        self._on_loop(lambda: self._start(self._stop_call(call)))

    def rows(self) -> list[WorkerRow]:
        """Return the workers that are heard."""
        given = [call for call in list(self._calls.values()) if not call.future.done()]
        calls = Counter(call.worker.worker for call in given if call.worker is not None)
        return [self._row(known, calls[known.hello.worker]) for known in list(self._workers.values())]

    def stop(self) -> None:
        """Leave the cluster; calls that have not ended are lost."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._on_loop(self._stop.set)
            thread.join(CONNECT_SECONDS)

    def _on_loop(self, call: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it was closed
                loop.call_soon_threadsafe(call)

    # On the loop

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        ready.set()
        while not self._stop.is_set():
            try:
                async with AsyncExitStack() as stack:
                    await self._stay(await self._connect(stack))
            except Exception as error:
                where = self.address or "the cluster of this process"
                self._away = f"{where} cannot be reached: {one_line(str(error) or type(error).__name__, 300)}"
                self._look_at_room()
            await within(PAUSE_SECONDS, self._stop.wait())
        for call in [*self._calls.values(), *self._waiting]:
            call.fail(AttemptLostError("this process has left the cluster"))

    async def _connect(self, stack: AsyncExitStack) -> Connection:
        import distributed

        self._distributed, address = distributed, self.address
        if address is None:
            self._local = LocalWorker(self._places)
            address = await stack.enter_async_context(self._local.cluster())
            stack.callback(self._local.stop)
        elif not self._warned and (told := unprotected(address)):
            self._warned = True
            _log.warning("%s", told)
        connection = await connected(stack, address)
        self._client, self._away = connection.client, ""
        stack.callback(self._disconnected)  # before it is closed, which takes a moment
        self._client.subscribe_topic("all", self._hear_of_dask)
        self._client.subscribe_topic(WORKERS, lambda event: self._greet(decoded(event[1])))
        self._begin_life()
        self._start(self._ask(None))
        self._start_local(address)
        return connection

    def _disconnected(self) -> None:
        self._client, self._away = None, "the connection with the cluster was lost, another is made"
        self._look_at_room()

    def _look_for(self, file: str) -> None:
        """Have the worker of this process declare the tasks of a file, too."""
        if file and file not in self._files:
            self._files[file] = None
            for known in self._workers.values() if self.address is None else ():
                self._start(self._tell(known.hello.address, Load(files=[file])))
        self._look_at_room()

    def _start_local(self, address: str) -> None:
        if self._local is not None:
            self._local.start(address, list(self._files))

    def _begin_life(self) -> None:
        if self._client is not None and self._pulse is not None:
            self._client.subscribe_topic(calls_of(self._pulse.life), self._hear_call)
        self._tell_at = 0.0
        self._look_at_room()

    async def _stay(self, connection: Connection) -> None:
        """Watch over the workers until this is stopped or the connection has ended."""
        while connection.lasts and not self._stop.is_set():
            for known in list(self._workers.values()):
                if time.monotonic() > known.over_at(self._lease) and not known.is_heard(self._lease):
                    self._forget(known, "has not been heard for too long")
            self._look_at_room()
            await within(LOOK_SECONDS, self._stop.wait())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Workers

    def _hear_of_dask(self, event: tuple[float, Mapping[str, Any]]) -> None:
        told = event[1]
        action = told.get("action") if isinstance(told, dict) else None
        address = told.get("worker") if action else None
        if action == "add-worker":
            self._start(self._ask(address))
        elif action == "remove-worker":
            for known in [known for known in self._workers.values() if known.hello.address == address]:
                self._forget(known, "has ended")

    async def _ask(self, address: str | None) -> None:
        """Have a worker, or each, tell of itself at once."""
        with suppress(Exception):  # it tells of itself each second anyway
            workers = None if address is None else [address]
            answers = await self._client.run(tell, b"", workers=workers, on_error="ignore")
            for answer in filter(None, answers.values()):
                self._greet(decoded(answer))

    def _greet(self, hello: Any) -> None:
        known = self._workers.get(hello.worker)
        if known is None:
            known = self._workers[hello.worker] = KnownWorker(hello)
            if self.address is None:  # some may have been declared since it was started
                self._start(self._tell(hello.address, Load(files=list(self._files))))
        known.hello, known.seen, known.heard = hello, time.time(), time.monotonic()
        if not known.answering and self._pulse is not None:
            known.answering = True
            self._start(self._answer(known, self._pulse))
        self._look_at_room()

    async def _answer(self, known: KnownWorker, pulse: Pulse) -> None:
        hello, age = known.hello, pulse.age()
        # Noted first: it may be heard though the answer to it is lost.
        known.answered[pulse.life] = time.monotonic() - age
        try:
            message = Heard(home=pulse.life, asked=hello.asked, lease=pulse.seconds, age=age)
            await asyncio.wait_for(self._tell(hello.address, message), pulse.seconds)
        finally:
            known.answering = False

    async def _tell(self, address: str, message: Heard | StopCall | Kept | Load) -> None:
        with suppress(Exception):  # it has ended, which is heard elsewhere
            await self._client.run(tell, encoded(message), workers=[address], on_error="ignore")

    @property
    def _lease(self) -> float:
        """Seconds for which workers go on without a sign of life."""
        return self._pulse.seconds if self._pulse is not None else CONNECT_SECONDS

    def _forget(self, known: KnownWorker, why: str) -> None:
        del self._workers[known.hello.worker]
        self._look_at_room()
        for call in list(self._calls.values()):
            if call.worker is not None and call.worker.worker == known.hello.worker:
                self._start(self._lose(call, known, why))

    async def _lose(self, call: HomeCall, known: KnownWorker, why: str) -> None:
        """Tell that a call is lost, once it has ended for sure: then another attempt may begin."""
        if call.dask is not None:
            with suppress(Exception):
                await call.dask.cancel()
        while not (time.monotonic() >= known.over_at(self._lease) or call.has_ended() or call.future.done()):
            await asyncio.sleep(LOOK_SECONDS / 5)
        call.fail(AttemptLostError(f"worker {known.hello.name} on {known.hello.host} {why}"))

    # Room

    def _row(self, known: KnownWorker, calls: int) -> WorkerRow:
        own = {call.home for call in self._calls.values()} | {self._pulse.life if self._pulse else ""}
        others = sum(number for home, number in known.hello.running.items() if home not in own)
        return WorkerRow(hello=known.hello, seen=known.seen, calls=calls, others=others)

    def _usable(self) -> list[WorkerRow]:
        heard = {known.hello.worker for known in self._workers.values() if known.is_heard(self._lease)}
        return [row for row in self.rows() if row.hello.worker in heard]

    def _look_at_room(self) -> None:
        away = self._away or (self._local.failure() if self._local is not None else "")
        found = room(self._usable(), list(self._needs.values()), away)
        # Now and then also what has not changed: an engine that was made anew does not know it.
        if (found != self._room or time.monotonic() > self._tell_at) and self._pulse is not None:
            self._room, self._tell_at = found, time.monotonic() + PAUSE_SECONDS
            self._pulse.told(found)
        self._changed.set()

    # Calls

    async def _carry(self, call: HomeCall) -> None:
        """Have a call carried out by a worker, waiting for one that can."""
        self._waiting.add(call)
        row = await self._placed(call)
        self._waiting.discard(call)
        if row is None or self._pulse is None:
            call.fail(CancelledError())
            return
        call.worker, call.home = row.hello, self._pulse.life
        self._calls[call.id] = call
        try:
            await self._given(call, row.hello)
        finally:
            del self._calls[call.id]
            self._changed.set()

    async def _placed(self, call: HomeCall) -> WorkerRow | None:
        while not (call.stopping or self._stop.is_set()):
            # A call given to a client that is closed is lost at once, and so would be each further attempt.
            running = self._client is not None and self._client.status == "running"
            if running and (row := choose(self._usable(), call.needs)) is not None:
                return row
            self._changed.clear()
            await within(PAUSE_SECONDS, self._changed.wait())
        return None

    async def _given(self, call: HomeCall, worker: Hello) -> None:
        # By one worker, not by any: Dask would have others repeat it when that one ends.
        try:
            call.dask = self._client.submit(
                carry_out,
                encoded(call.message(worker)),
                call.key,
                key=call.key,
                workers=[worker.address],
                allow_other_workers=False,
                pure=False,
                resources=dict(call.needs.resources) or None,
            )
            # Its value is only fetched where the topic has not told the end: that would be one more way.
            with self._client.as_current():
                await self._distributed.wait([call.dask])
            if not call.future.done():
                self._settle(call, await call.dask)
        except Exception as error:
            await self._failed(call, worker, error)

    async def _failed(self, call: HomeCall, worker: Hello, error: Exception) -> None:
        """Tell of a Dask task that did not return: the call may go on."""
        if call.dask is None or call.dask.status == "error":  # it does not go on
            call.fail(AttemptLostError(f"worker {worker.name} on {worker.host}: {one_line(str(error), 300)}"))
        elif (known := self._workers.get(worker.worker)) is not None:
            await self._lose(call, known, "is cut off: this process has lost the cluster")
        # Else it was lost with its worker, which `_lose` tells when it is over.
        while not call.future.done():
            await asyncio.sleep(LOOK_SECONDS)

    def _settle(self, call: HomeCall, answer: bytes) -> None:
        told = decoded(answer)
        if isinstance(told, Refused):
            call.fail(AttemptLostError(told.reason))
        elif isinstance(told, Said) and told.content:
            call.settle(unpickled(told.content))
        else:  # the topic has told it before
            call.fail(AttemptLostError("its end was not told"))

    def _hear_call(self, event: tuple[float, bytes]) -> None:
        said = decoded(event[1])
        call = self._calls.get(said.call) if isinstance(said, Said) else None
        if call is None or not isinstance(said, Said):
            return
        content = unpickled(said.content)
        if said.kind == "began":
            call.child, ago = content
            if ago is not None:
                call.begins(ago)
        elif said.kind == "ended":
            call.settle(content)
        elif said.kind == "delivered":
            self._threads.submit(lambda: self._keep(call, content))
        else:
            pass_on(call.run, said.kind, content)

    def _keep(self, call: HomeCall, content: tuple[Any, ...]) -> None:
        pass_on(call.run, "delivered", content)
        if call.worker is not None:
            kept, address = Kept(home=call.home, id=call.id), call.worker.address
            self._on_loop(lambda: self._start(self._tell(address, kept)))

    async def _stop_call(self, call: HomeCall) -> None:
        call.stopping = True
        self._changed.set()
        if call.worker is None:
            return
        await self._tell(call.worker.address, StopCall(home=call.home, id=call.id))
        await asyncio.sleep(PAUSE_SECONDS)
        if call.child is None and call.dask is not None:  # it waits for its turn at Dask
            with suppress(Exception):
                await call.dask.cancel()
            call.fail(CancelledError())
