"""What random histories of the engine decide is in the ledger as in a model of it, however it was grouped."""

from __future__ import annotations

from random import Random

import pytest
from support.engine_histories import History
from support.engine_ledger import LedgerModel
from support.ledger_writer import written_ledger

from schedkit.core.engine.values import Decision


class Recorded(LedgerModel):
    """A model that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Decision] = []

    def apply(self, decision: Decision, now: int) -> None:
        super().apply(decision, now)
        self.written.append(decision)


@pytest.mark.parametrize("seed", range(4))
def test_the_ledger_is_as_its_model_whatever_is_grouped(where: str, seed: int) -> None:
    history, model = History(seed), Recorded()
    history.process.ledger = model
    history.play(80)
    assert len(model.written) > 10
    left, random = list(model.written), Random(seed)
    with written_ledger(where) as written:
        while left:
            count = random.choice((1, 2, 5, 30))
            written.write(*left[:count])
            left = left[count:]
        assert not written.refused
        assert written.committed == model.written
        snapshot, expected = written.ledger.snapshot(), model.snapshot()
        assert snapshot.tasks == sorted(expected.tasks, key=lambda row: row.name)
        assert snapshot.live == sorted(expected.live, key=lambda run: run.id)
        assert snapshot.waits == sorted(expected.waits, key=lambda row: (row.run, row.parent))
        assert snapshot.taken == expected.taken
        assert (snapshot.paused, snapshot.seq) == (expected.paused, expected.seq)
        assert {run.id: run for run in written.ledger.runs(limit=10_000)} == model.runs
        for run in model.runs:
            attempts = [attempt for (of, _), attempt in sorted(model.attempts.items()) if of == run]
            assert written.ledger.attempts(run) == attempts
        for run, details in model.details.items():
            assert written.ledger.details(run)["log"] == details["log"]
        assert len(written.ledger.events(limit=100_000)) == model.seq
