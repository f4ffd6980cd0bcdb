"""Which worker carries a call out, and how many calls of each task there is room for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from schedkit.core.execution.cluster.messages import Hello, versions
from schedkit.core.worker_facts import WorkerFacts
from schedkit.values.text import one_line

__all__ = ["Needs", "Room", "WorkerRow", "choose", "room"]

_MOST_NAMED = 3


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker must have to carry a task out: its code, and so much of each resource for each call.

    `handler` is the task of that code: another one where the task was made by a request.
    """

    task: str
    handler: str
    code: str
    resources: Mapping[str, float] = {}


class WorkerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as a home sees it.

    Attributes
    ----------
    hello : Hello
        What it told of itself last.
    seen : float
        When that was heard, in seconds since 1970.
    calls : int
        How many calls of this home it has, those included that it does not know yet.
    others : int
        How many calls of other homes it has.
    """

    hello: Hello
    seen: float
    calls: int = 0
    others: int = 0

    @property
    def facts(self) -> WorkerFacts:
        """What other processes are told of it."""
        hello = self.hello
        return WorkerFacts(
            worker=hello.worker,
            name=hello.name,
            pid=hello.pid,
            host=hello.host,
            threads=hello.threads,
            running=self.running,
            memory=hello.memory,
            seen=self.seen,
            tasks=len(hello.tasks),
            problems=hello.problems,
        )

    @property
    def running(self) -> int:
        """How many calls it has."""
        return self.calls + self.others

    @property
    def free(self) -> int:
        """How many more calls it carries out at once."""
        return max(0, self.hello.threads - self.running) if self.hello.takes else 0

    @property
    def places(self) -> int:
        """How many calls of this home it has room for, those included that it has."""
        return max(0, self.hello.threads - self.others) if self.hello.takes else self.calls

    def __str__(self) -> str:
        return f"{self.hello.name} (pid {self.hello.pid} on {self.hello.host})"


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls of this home the workers have room for, those included that they have.

    Attributes
    ----------
    most : int
        In all.
    of_task : dict of str to int
        Of each task.
    why : dict of str to str
        For a task without any worker: why there is none.
    """

    most: int = 0
    of_task: Mapping[str, int] = {}
    why: Mapping[str, str] = {}


def choose(workers: Iterable[WorkerRow], needs: Needs) -> WorkerRow | None:
    """Return the worker with the most room for a task, None if none that can carry it out has any.

    At a full worker a call would wait in Dask's queue, even when another worker has room before that one.
    """
    able = [row for row in workers if row.free and _refusal(row, needs) is None]
    return max(able, key=lambda row: (row.free, -row.running, row.hello.worker), default=None)


def room(workers: Sequence[WorkerRow], tasks: Iterable[Needs], away: str = "") -> Room:
    """Return how much room there is; `away` says why the cluster cannot be reached, if it cannot."""
    of_task, why = dict[str, int](), dict[str, str]()
    for needs in tasks:
        able = [row for row in workers if _refusal(row, needs) is None]
        of_task[needs.task] = sum(_places(row, needs) for row in able)
        if not any(row.hello.takes for row in able):
            why[needs.task] = away or _why_none(workers, needs)
    return Room(most=sum(row.places for row in workers), of_task=of_task, why=why)


def _places(row: WorkerRow, needs: Needs) -> int:
    fitting = [int(row.hello.resources[name] // amount) for name, amount in needs.resources.items() if amount]
    return min([row.places, *fitting])


def _refusal(row: WorkerRow, needs: Needs) -> str | None:
    """Return why a worker cannot carry a task out, None if it can."""
    hello, here = row.hello, versions()
    for name, version in here.items():
        if hello.versions.get(name) != version:
            there = hello.versions.get(name, "none")
            return f"worker {row} has {name} {there}, and this process has {name} {version}"
    if needs.handler not in hello.tasks:
        if hello.problems:
            return f"worker {row} could not declare a task: {one_line(hello.problems[0], 300)}"
        return f"worker {row} does not have it"
    if hello.tasks[needs.handler] != needs.code:
        return f"worker {row} has other code under this name"
    for name, amount in needs.resources.items():
        if (has := hello.resources.get(name, 0.0)) < amount:
            return f"worker {row} has {has:g} of {name}, and task {needs.task!r} needs {amount:g}"
    return None


def _why_none(workers: Sequence[WorkerRow], needs: Needs) -> str:
    told = f"no worker has task {needs.task!r}"
    if not workers:
        return f"{told}: no worker is connected; start one with `schedkit worker FILE`"
    idle = "takes no tasks: Dask has paused it for its memory, or is about to end it"
    reasons = [_refusal(row, needs) or f"worker {row} {idle}" for row in workers]
    more = f" and {len(reasons) - _MOST_NAMED} more" if len(reasons) > _MOST_NAMED else ""
    return f"{told}: {'; '.join(reasons[:_MOST_NAMED])}{more}"
