"""A writer of a ledger by itself, and what it tells."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from schedkit.core.engine.changes import Change, RunChanged, TaskPut
from schedkit.core.engine.decision import Decision
from schedkit.core.events import Event
from schedkit.core.ids import new_id
from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.commits import Refused
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.store.writer import Writer

NOW = 1_770_000_000_000_000


def decided(*changes: Change, events: tuple[Event, ...] = ()) -> Decision:
    return Decision(list(changes), list(events), [], [], [], [], False, None)


def a_run(**fields: Any) -> Run:
    return Run(**{"id": new_id(), "task": "t", "state": State.QUEUED, "due": NOW, "queued": NOW, **fields})


def begun(run: Run) -> RunChanged:
    return RunChanged(None, run)


HOME = "where it is at home"


def a_task(name: str = "t", **fields: Any) -> TaskRow:
    known = {"trigger": "{}", "anchored": NOW, "next": NOW, "declared": NOW, "home": HOME}
    return TaskRow(**{"name": name, **known, **fields})


def put(row: TaskRow, home: str | None = None) -> TaskPut:
    return TaskPut(row, home)


class WrittenLedger:
    """A ledger with its writer; `told` is what the writer has said, in order."""

    def __init__(self, where: str, seconds: float = 15.0) -> None:
        self.store = Store(where)
        self.store.open()
        self.lease = Lease(self.store, "tests", seconds=seconds)
        self.lease.begin()
        self.ledger = Ledger(self.store)
        self.told: list[tuple[str, Any]] = []
        self.settled: list[dict[str, frozenset[str]]] = []  # the refused claims of each group with claims
        self.watching: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.healthy = True
        self.writer = Writer(
            self.store,
            self.lease,
            committed=self._note,
            refused=lambda decision, error: self._tell("refused", (decision, error)),
            lost=lambda: self._tell("lost", None),
            away=lambda reason: self._tell("away", reason),
            back=lambda seconds: self._tell("back", seconds),
            healthy=lambda: self.healthy,
        )

    def _note(self, decisions: list[Decision], refused: Refused | None) -> None:
        if refused is not None:
            self.settled.append(dict(refused))
        self._tell("committed", decisions)

    def _tell(self, word: str, what: Any) -> None:
        self.told.append((word, what))
        self.watching.put(word)

    def wait_for(self, word: str) -> None:
        """Return when this is said, or was since the last time."""
        while self.watching.get(timeout=60) != word:
            pass

    def busy(self) -> Any:
        """Keep the writer from its next group; calling what is returned lets it go on."""
        entered, release = queue.SimpleQueue[None](), queue.SimpleQueue[None]()
        self.writer.call(lambda connection: (entered.put(None), release.get(timeout=60)))
        entered.get(timeout=60)
        return lambda: release.put(None)

    def settle(self) -> None:
        """Return when all that was posted is written or refused."""
        self.writer.call(lambda connection: None).result(60)

    def write(self, *decisions: Decision) -> None:
        """Post decisions so that they share a group, and wait for them."""
        go_on = self.busy()
        for decision in decisions:
            self.writer.post(decision)
        go_on()
        self.settle()

    @property
    def committed(self) -> list[Decision]:
        """What was written, in order."""
        return [decision for word, group in self.told if word == "committed" for decision in group]

    @property
    def refused(self) -> list[tuple[Decision, Exception]]:
        """What was not, and why."""
        return [what for word, what in self.told if word == "refused"]


@contextmanager
def written_ledger(where: str, *, seconds: float = 600.0) -> Iterator[WrittenLedger]:
    """Lend a new ledger whose writer runs."""
    made = WrittenLedger(where, seconds)
    made.writer.start()
    try:
        yield made
    finally:
        made.writer.stop(5)
        made.lease.end()
        made.store.close()
