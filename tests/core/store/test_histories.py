"""What random histories of the engine decide is in the ledger as in a model of it, however it was grouped."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace
from support.engine_histories import History
from support.engine_ledger import LedgerModel
from support.ledger_writer import written_ledger

from schedkit.core.engine.decision import Decision
from schedkit.core.engine.snapshot import Snapshot
from schedkit.core.store.reader import Ledger


class Recorded(LedgerModel):
    """A model that remembers what was written to it, as it was decided."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Decision] = []

    def apply(self, decision: Decision, now: int, life: str = "me", told_by: str | None = None) -> None:
        events = list(decision.events)
        super().apply(decision, now, life, told_by)
        self.written.append(replace(decision, events=events))


def play(seed: int, processes: int, steps: int) -> tuple[History, Recorded]:
    history, model = History(seed, processes), Recorded()
    history.world.ledger = model
    for process in history.processes:
        process.ledger = model
    history.play(steps)
    assert len(model.written) > 10
    return history, model


@pytest.mark.parametrize(("seed", "processes"), [(0, 1), (1, 1), (2, 2), (3, 2)])
def test_the_ledger_is_as_its_model_whatever_is_grouped(where: str, seed: int, processes: int) -> None:
    history, model = play(seed, processes, 80)
    left, random = list(model.written), Random(seed)
    with written_ledger(where) as written:
        while left:
            count = random.choice((1, 2, 5, 30))
            written.write(*left[:count])
            left = left[count:]
        assert not written.refused
        same_rows(written.ledger, model, history)


def same_rows(ledger: Ledger, model: Recorded, history: History) -> None:
    """Judge that a ledger says what its model does, of all and to each process."""
    for process in history.processes:
        same_snapshots(ledger.snapshot(process.life), model.snapshot(process.life), model.mixed)
    assert {run.id: run for run in ledger.runs(limit=10_000)} == model.runs
    for run in model.runs:
        attempts = [replace(attempt, life="") for attempt in ledger.attempts(run)]
        expected = [attempt for (of, _), attempt in sorted(model.attempts.items()) if of == run]
        assert attempts == [replace(attempt, life="") for attempt in expected]
    for run, details in model.details.items():
        assert ledger.details(run)["log"] == details["log"]
    assert ledger.events(limit=100_000) == [event for _, event in model.log]


def same_snapshots(snapshot: Snapshot, expected: Snapshot, mixed: set[str]) -> None:
    assert snapshot.tasks == sorted(expected.tasks, key=lambda row: row.name)
    for there, here in (
        (snapshot.live, expected.live),
        (snapshot.elsewhere, expected.elsewhere),
        (snapshot.ended, expected.ended),
    ):
        assert sorted(there, key=lambda run: run.id) == sorted(here, key=lambda run: run.id)
    assert snapshot.waits == sorted(expected.waits, key=lambda row: (row.run, row.parent))
    assert snapshot.taken == expected.taken
    for task, how in expected.last.items():
        assert task in mixed or snapshot.last[task] == how, f"{task} ended last as {snapshot.last[task]}"
    assert (snapshot.paused, snapshot.seq) == (expected.paused, expected.seq)
