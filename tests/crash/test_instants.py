"""Kill -9 at every instant of a run's life has a documented outcome, never silent loss."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.core.states import Outcome, State
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "crash.instants")  # in that folder: it imports what tests share
AGAIN = [Outcome.INTERRUPTED, Outcome.DONE]


@pytest.fixture(scope="module")
def program() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM], cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process


def tell(program: subprocess.Popen[str], instant: str, ledger: Path, journal: Path) -> int:
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(f"{instant}|{ledger}|{journal}\n")
    program.stdin.flush()
    return int(program.stdout.readline())


@pytest.mark.parametrize(
    ("instant", "outcomes", "effects"),
    [
        ("before the claim", None, []),  # submit had not returned: nobody was promised anything
        ("after the claim", AGAIN, [2]),
        ("before the effect", AGAIN, [2]),
        ("after the effect", AGAIN, [1, 2]),  # at least once; the attempt number tells
        ("before the finish", AGAIN, [1, 2]),
        ("after the finish", [Outcome.DONE], [1]),
    ],
)
def test_killed(
    program: subprocess.Popen[str],
    tmp_path: Path,
    instant: str,
    outcomes: list[Outcome] | None,
    effects: list[int],
) -> None:
    where, journal = tmp_path / "ledger.db", tmp_path / "journal"
    journal.touch()
    assert tell(program, instant, where, journal) == signal.SIGKILL.value
    assert tell(program, "never", where, journal) == 0
    store = Store(where)
    ledger = Ledger(store)
    runs = ledger.runs()
    if outcomes is None:
        assert runs == []
    else:
        (run,) = runs
        assert run.state is State.DONE
        assert [attempt.outcome for attempt in ledger.attempts(run.id)] == outcomes
        assert run.interruptions == outcomes.count(Outcome.INTERRUPTED)
        assert [line.split()[1] for line in journal.read_text().splitlines()] == list(map(str, effects))
    store.close()
