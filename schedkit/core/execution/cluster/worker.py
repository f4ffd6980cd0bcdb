"""A worker of a cluster: it carries calls of homes out in child processes, and tells them all at once.

It runs in the process of a Dask worker, whose threads make the calls and whose loop takes what homes tell.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from schedkit.core.execution.child_process import HOME_LOST
from schedkit.core.execution.cluster.messages import (
    PLUGIN,
    WORKERS,
    Call,
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
    pickled,
    unpickled,
    versions,
)
from schedkit.core.execution.failures import Failure, error_facts
from schedkit.core.execution.home_lease import HomeLease
from schedkit.core.execution.process_pool import ChildCall, ChildDiedError, ChildPool
from schedkit.core.execution.remote_call import RemoteContext, pack_call
from schedkit.core.ids import new_id
from schedkit.core.model import Task
from schedkit.core.tasks.code import function_code
from schedkit.errors import SchedkitError, StopRequested
from schedkit.values.processes import pid_space

__all__ = ["WorkerSide", "carry_out", "tell"]

_log = logging.getLogger("schedkit")

# How often it tells of itself, and so asks for homes. A home that uses a shorter lease is asked more often.
HELLO_SECONDS, HELLOS_PER_LEASE = 1.0, 6
# How often it looks whether a home was heard.
LOOK_SECONDS = 0.05
# How long a call waits for its home to be heard before it is refused.
ANSWER_SECONDS = 5.0
# Stops of calls that have not begun.
MOST_STOPPED = 1000
# Answers up to this size are told by the topic, which takes one way less than a value of Dask.
TOLD_BYTES = 64_000


class WorkerSide:
    """What a Dask worker is to schedkit.

    Parameters
    ----------
    tasks : callable
        Returns the tasks that it has, by name.
    load : callable
        Declares the tasks of a file, too; returns what is wrong with it.
    worker : object
        The Dask worker.
    """

    def __init__(
        self, tasks: Callable[[], Mapping[str, Task]], load: Callable[[Path], Sequence[str]], worker: Any
    ) -> None:
        self._tasks, self._load, self._worker = tasks, load, worker
        self.id = new_id()
        self.problems: list[str] = []
        self._children = ChildPool(0.0)
        self._codes: dict[str, str] = {}
        self._calls: dict[tuple[str, str], _Carried] = {}
        self._stopped: deque[tuple[str, str]] = deque(maxlen=MOST_STOPPED)
        self._unwanted: deque[str] = deque(maxlen=MOST_STOPPED)
        self._leases: dict[str, HomeLease] = {}
        self._heard = threading.Condition()
        self._over = threading.Event()
        self._told_at = 0.0

    # On the loop of the Dask worker

    def begin(self) -> None:
        """Begin to tell of itself."""
        self._codes = {name: function_code(task.function) for name, task in self._tasks().items()}
        threading.Thread(target=self._watch, name="schedkit-worker", daemon=True).start()

    def end(self) -> None:
        """End all calls."""
        self._over.set()
        for call in list(self._calls.values()):
            call.lose("the worker has ended")
            call.kill()
        self._children.stop()

    def unwanted(self, key: str) -> None:
        """End the call of a Dask task that nobody wants any more: the home has gone."""
        self._unwanted.append(key)  # its call may be about to begin
        for call in list(self._calls.values()):
            if call.key == key:
                call.lose(f"the connection of {call.home} to the cluster ended")
                call.kill()

    def take(self, payload: bytes) -> None:
        """Take what a home tells."""
        match message := decoded(payload):
            case Heard():
                self._hear(message)
            case StopCall(home=home, id=id):
                if (call := self._calls.get((home, id))) is not None:
                    call.stop()
                else:  # it may be about to begin
                    self._stopped.append((home, id))
            case Kept(home=home, id=id):
                if (call := self._calls.get((home, id))) is not None:
                    call.kept()
            case Load(files=files):
                for file in files:
                    self.problems += self._load(Path(file))
                self._codes = {name: function_code(task.function) for name, task in self._tasks().items()}
                self._tell_of_itself()

    def _hear(self, message: Heard) -> None:
        lease = HomeLease(message.lease, message.asked - message.age)
        with self._heard:
            known = self._leases.get(message.home, lease)
            self._leases[message.home] = lease = lease.renewed(known.heard)
            self._heard.notify_all()
        for call in list(self._calls.values()):
            if call.home == message.home:
                call.heard(lease)

    # On any thread

    def hello(self) -> Hello:
        """Return what it tells of itself."""
        worker = self._worker
        return Hello(
            worker=self.id,
            address=worker.address,
            asked=time.monotonic(),
            name=str(worker.name),
            host=socket.gethostname(),
            pid=os.getpid(),
            pid_space=pid_space(),
            threads=worker.state.nthreads,
            running=dict(Counter(home for home, _ in list(self._calls))),
            memory=_memory(),
            tasks=self._codes,
            versions=dict(versions()),
            resources=dict(worker.state.total_resources),
            problems=self.problems,
            takes=str(worker.status.name) == "running",
        )

    def _tell_of_itself(self) -> None:
        self._told_at = time.monotonic()
        self._worker.log_event(WORKERS, encoded(self.hello()))

    def _watch(self) -> None:
        """Tell of itself, and end the calls of homes that are not heard; until it ends."""
        while not self._over.wait(LOOK_SECONDS):
            try:
                for call in list(self._calls.values()):
                    call.tell_begin(time.monotonic())
                if time.monotonic() - self._told_at >= self._hello_seconds():
                    self._tell_of_itself()
            except Exception as error:  # the connection to the cluster is down or not up yet
                _log.debug("the worker could not tell of itself: %s", error)
            self._look()

    def _hello_seconds(self) -> float:
        leases = [lease.seconds / HELLOS_PER_LEASE for lease in list(self._leases.values())]
        return min([HELLO_SECONDS, *leases])

    def _look(self) -> None:
        now = time.monotonic()
        for call in list(self._calls.values()):
            lease = self._leases.get(call.home)
            if lease is None or not lease.stops(now):
                continue
            call.lose(f"the home of the task was not heard for {now - lease.heard:.1f} s")
            call.stop()
            if lease.kills(now):
                call.kill()
        for home, lease in list(self._leases.items()):
            if lease.kills(now - lease.seconds):
                del self._leases[home]

    # On a thread of the Dask worker

    def carry_out(self, call: Call, key: str) -> bytes:
        """Carry a call out; return how it ended, without its content if that was told."""
        function = self._function(call)
        if isinstance(function, str):
            return encoded(Refused(reason=function))
        lease = self._lease_of(call.home)
        if lease is None:
            return encoded(Refused(reason="its home did not answer the worker"))
        # The worker may have stood still with the call in its inbox, and its home has given it up meanwhile.
        if HomeLease(lease.seconds, call.asked).stops(time.monotonic()):
            return encoded(Refused(reason="the call came to the worker too late"))
        carried = _Carried(self._children, call, key, self._say)
        self._calls[call.home, call.id] = carried
        if (call.home, call.id) in self._stopped:
            carried.stop()
        if key in self._unwanted:
            self.unwanted(key)
        try:
            ended = carried.answer(function, lease)
        finally:
            del self._calls[call.home, call.id]
        if carried.lost:
            return encoded(Refused(reason=carried.lost))
        if len(ended) > TOLD_BYTES:
            return encoded(Said(call=call.id, kind="ended", content=ended))
        self._say(call, "ended", ended)
        return encoded(Said(call=call.id, kind="ended"))

    def _function(self, call: Call) -> Callable[..., Any] | str:
        """Return the function of a call, or why it is not called."""
        if call.worker != self.id:
            return "the worker has ended, and another one has its address"
        task, code = self._tasks().get(call.task), self._codes.get(call.task)
        if task is None or task.function is None or code != call.code:
            return f"the worker has no task {call.task!r} with this code"
        return task.function

    def _lease_of(self, home: str) -> HomeLease | None:
        """Return the lease of a home once it was heard."""
        if home not in self._leases:
            self._tell_of_itself()
        until = time.monotonic() + ANSWER_SECONDS
        with self._heard:
            while time.monotonic() < until and not self._over.is_set():
                lease = self._leases.get(home)
                if lease is not None and not lease.stops(time.monotonic()):
                    return lease
                self._heard.wait(LOOK_SECONDS)
        return None

    def _say(self, call: Call, kind: str, content: bytes) -> None:
        self._worker.log_event(calls_of(call.home), encoded(Said(call=call.id, kind=kind, content=content)))


class _Carried:
    """A call that is carried out."""

    def __init__(
        self, children: ChildPool, call: Call, key: str, say: Callable[[Call, str, bytes], object]
    ) -> None:
        self._call, self.key = call, key
        self.home = call.home
        self.lost = ""
        self._run = RemoteContext(lambda kind, content: say(call, kind, pickled(content)))
        self._child = ChildCall(children, self._run, call.grace, self._note_child, self._note_begin)
        self._say, self._pid = say, 0
        # When it was given to its process, and when that began with it; infinite once that is told, too.
        self._given = self._began = math.inf

    def _note_child(self, pid: int) -> None:
        self._pid, self._given = pid, time.monotonic()

    def _note_begin(self) -> None:
        self._began = time.monotonic()

    def tell_begin(self, now: float) -> None:
        """Tell of its process and its begin, each once, after a while: a short call only tells its end."""
        if self._began < now - LOOK_SECONDS:
            ago, self._began = now - self._began, math.inf
            self._say(self._call, "began", pickled((self._pid, ago)))
        elif self._given < now - LOOK_SECONDS:
            self._say(self._call, "began", pickled((self._pid, None)))
        else:
            return
        self._given = math.inf

    def answer(self, function: Callable[..., Any], lease: HomeLease) -> bytes:
        """Carry it out, and return how it ended."""
        arguments, wants_run, facts = unpickled(self._call.data)
        facts["lease"] = (lease.seconds, lease.heard)
        self._run.begin({**facts, "results": None})  # what the child has stored is not stored again
        try:
            ended = self._child.answer(pack_call(function, arguments, wants_run, facts))
            if self._run.lost:
                self.lose("its home was not heard for too long")
            return pickled(ended)
        except (StopRequested, SchedkitError) as error:
            if isinstance(error, ChildDiedError) and error.code == HOME_LOST:
                self.lose("its home was not heard for too long")
            return pickled(Failure.of(error, error_facts(error)))

    def lose(self, reason: str) -> None:
        """Note that its home must not believe how it ends."""
        self.lost = self.lost or reason

    def stop(self) -> None:
        """Ask its code to stop; its process is ended after the grace."""
        self._run.stop()
        self._child.stop("stop")

    def kill(self) -> None:
        """End its process."""
        self._run.stop()
        self._child.kill()

    def kept(self) -> None:
        """Pass on that what it has delivered last is in the ledger."""
        self._run.kept()

    def heard(self, lease: HomeLease) -> None:
        """Pass on that its home gave a sign of life."""
        self._run.heard(lease.heard)
        self._child.heard(lease.heard)


def _memory() -> int:
    """Return the bytes that this process and those that it has started use."""
    import psutil  # comes with Dask

    used, own = 0, psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has ended
            used += process.memory_info().rss
    return used


# What Dask calls, by name


def carry_out(payload: bytes, key: str) -> bytes:
    """Carry out a call of a home: the one Dask task that there is."""
    from distributed import get_worker

    plugin = get_worker().plugins.get(PLUGIN)
    call = decoded(payload)
    assert isinstance(call, Call)
    if plugin is None:
        return encoded(Refused(reason="the worker is none of schedkit's"))
    answer: bytes = plugin.side.carry_out(call, key)
    return answer


def tell(payload: bytes, dask_worker: Any = None) -> bytes:
    """Tell a worker something, and have it tell of itself; nothing from one that is none of schedkit's."""
    plugin = dask_worker.plugins.get(PLUGIN)
    if plugin is None:
        return b""
    if payload:
        plugin.side.take(payload)
        return b""
    return encoded(plugin.side.hello())
