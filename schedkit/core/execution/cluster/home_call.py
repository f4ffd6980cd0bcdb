"""What the home's end of a cluster knows: the calls that it has given, the workers that it has heard."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec

from schedkit.core.execution.cluster.messages import Call, Hello
from schedkit.core.execution.cluster.placement import Needs, Room
from schedkit.core.execution.home_lease import KILL_AT, HomeLease
from schedkit.core.execution.remote_call import Answer
from schedkit.core.execution.run_context import RunContext
from schedkit.values.processes import alive, pid_space

__all__ = ["HomeCall", "KnownWorker", "Pulse", "unprotected"]

# A worker that has not told of itself for this share of the lease gets no more calls.
SILENT = 0.5
# Workers end what they run at `KILL_AT` of the lease; a little later it has ended for sure.
OVER_AT = (1 + KILL_AT) / 2


class Pulse(msgspec.Struct, frozen=True):
    """A life as its workers are told of it.

    Attributes
    ----------
    life : str
        Its id.
    seconds : float
        Its lease.
    age : callable
        Returns how many seconds ago it gave its last sign of life at the ledger.
    told : callable
        Is called with how much room there is, on any thread.
    expires : bool
        Whether the life counts as dead once its lease is over; no, where a lock tells that it lives.
    """

    life: str
    seconds: float
    age: Callable[[], float]
    told: Callable[[Room], object]
    expires: bool = True

    @property
    def lease(self) -> HomeLease | None:
        """The lease as its own processes know it; None: they need not heed any."""
        return HomeLease(self.seconds, time.monotonic() - self.age()) if self.expires else None


class HomeCall:
    """A call of this home, from any thread.

    Parameters
    ----------
    begins : callable
        Is called with how many seconds ago its code began, if that lasts.

    Attributes
    ----------
    future : Future
        What becomes of it: an `Answer`, or `AttemptLostError` if it is not known how it ended.
    worker : Hello or None
        The worker that it was given to.
    """

    def __init__(
        self,
        id: str,
        needs: Needs,
        data: bytes,
        run: RunContext,
        grace: float,
        begins: Callable[[float], object],
    ) -> None:
        self.id, self.needs, self.data, self.run, self.grace = id, needs, data, run, grace
        self.begins = begins
        self.future: Future[Answer] = Future()
        self.worker: Hello | None = None
        self.home = ""
        self.child: int | None = None  # the pid of its process, once it has one
        self.stopping = False
        self.dask: Any = None

    @property
    def key(self) -> str:
        """The name of its Dask task."""
        return f"schedkit-{self.home}-{self.id}"

    def message(self, worker: Hello) -> Call:
        """Return what the worker is sent."""
        return Call(
            home=self.home,
            worker=worker.worker,
            asked=worker.asked,
            id=self.id,
            task=self.needs.handler,
            code=self.needs.code,
            grace=self.grace,
            data=self.data,
        )

    def has_ended(self) -> bool:
        """Tell whether its processes have ended, where that can be seen from here."""
        worker = self.worker
        if worker is None or worker.pid_space != pid_space() or alive(worker.pid, untold=True):
            return False
        # A short time after its begin its process is not known yet.
        return self.child is not None and not alive(self.child, untold=True)

    def settle(self, answer: Answer) -> None:
        """Tell how it ended."""
        if not self.future.done():
            self.future.set_result(answer)

    def fail(self, error: BaseException) -> None:
        """Tell that it did not end well."""
        if not self.future.done():
            self.future.set_exception(error)


class KnownWorker:
    """A worker that has told of itself."""

    def __init__(self, hello: Hello) -> None:
        self.hello, self.seen = hello, time.time()
        self.heard = time.monotonic()
        self.answered: dict[str, float] = {}  # life → when it was answered last, on the monotonic clock
        self.answering = False

    def is_heard(self, lease_seconds: float) -> bool:
        """Tell whether it has told of itself lately, by the lease of this process."""
        return time.monotonic() - self.heard < SILENT * lease_seconds

    def over_at(self, lease_seconds: float) -> float:
        """Return when all that it runs for this process has ended, unless it is heard again."""
        return max([self.heard, *self.answered.values()]) + OVER_AT * lease_seconds


def unprotected(address: str) -> str:
    """Return what is to be told of a cluster that others could use, empty for a protected one."""
    scheme, _, rest = address.partition("://")
    host = rest.rpartition(":")[0].strip("[]")
    if scheme == "tls" or host in ("localhost", "::1") or host.startswith("127."):
        return ""
    return (
        f"{address} is neither encrypted nor protected by a login: anyone who can connect can run code on "
        "its workers; use tls:// (Dask's security settings), or keep it on a network of your own"
    )
