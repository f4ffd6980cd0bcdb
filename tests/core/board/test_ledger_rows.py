"""A board from the ledger is the board from the events that led there, whatever happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from support.engine_histories import History
from support.engine_ledger import LedgerModel
from support.ledger_writer import WrittenLedger, decided, written_ledger

from schedkit.core.board.board import Board
from schedkit.core.board.ledger_rows import LedgerRows, ledger_rows
from schedkit.core.board.run_counts import Histogram, RunCounts, run_counts
from schedkit.core.engine.changes import DetailsRecorded
from schedkit.core.engine.decision import Decision
from schedkit.core.events import Event
from schedkit.core.execution.run_context import RunContext
from schedkit.core.run import Run

STEPS = 60
SEEDS = 100
CHUNK = 20
PER_GROUP = 30


class Recorded(LedgerModel):
    """A model that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Decision] = []

    def apply(self, decision: Decision, now: int, life: str = "me", told_by: str | None = None) -> None:
        unnumbered = replace(decision, events=list(decision.events))
        super().apply(decision, now, life, told_by)
        self.written.append(unnumbered)


class Telling:
    """A ledger whose runs tell something as their attempts begin; `heard` is all that was told."""

    def __init__(self, written: WrittenLedger, random: Random) -> None:
        self.written, self.random, self.heard = written, random, list[Event]()
        self._begun: set[tuple[str, int]] = set()

    def write(self, decisions: Sequence[Decision]) -> list[Event]:
        """Write decisions, and what the attempts that they start tell; return what was heard meanwhile."""
        before, batch = len(self.heard), list[Decision]()
        for decision in decisions:
            self.heard += decision.events
            batch += [decision, *(self._tell(start.run) for start in decision.starts)]
        for begin in range(0, len(batch), PER_GROUP):
            self.written.write(*batch[begin : begin + PER_GROUP])
        assert not self.written.refused
        return self.heard[before:]

    def _tell(self, run: Run) -> Decision:
        """Let an attempt tell a few things, and return what writes them."""
        if (run.id, run.attempt) in self._begun:  # its first start was lost on the way
            return decided()
        self._begun.add((run.id, run.attempt))
        context = RunContext(run, self.heard.append)
        for number in range(self.random.choice((0, 0, 1, 5))):
            pick = self.random.choice(("log", "progress", "fact", "artifact"))
            match pick:
                case "log":
                    context.log(f"line {number} of attempt {run.attempt}")
                case "progress":
                    context.progress(self.random.choice(("extract", "write")), number, 10)
                case "fact":
                    context.fact("rows", {"count": number})
                case _:
                    context.artifact(Path(f"{number % 2}.xlsx"), f"label {number}")
        details = context.told()
        return decided(*([] if details is None else [DetailsRecorded(run.id, details)]))


def history_of(seed: int) -> tuple[list[Decision], Random]:
    """Return what a random history writes, as an engine decided it."""
    model = Recorded()
    history = History(seed, ledger=model)
    for _ in range(STEPS):
        history.step()
    told_by_runs = [
        replace(decision, changes=[one for one in decision.changes if not isinstance(one, DetailsRecorded)])
        for decision in model.written
    ]
    return told_by_runs, Random(seed)


def folded(board: Board, events: Iterable[Event]) -> Board:
    for event in events:
        board.fold(event)
    return board


def loaded(written: WrittenLedger, waiting: Iterable[str] = ()) -> Board:
    def read() -> LedgerRows:
        return replace(ledger_rows(written.store), waiting=frozenset(waiting))

    board = Board()
    board.load(read)
    return board


def opened(board: Board, written: WrittenLedger) -> Board:
    """Return a board with each of its runs opened."""
    ledger = written.ledger
    for row in board.snapshot()["runs"]:
        run = row["id"]
        details = (ledger.details(run), ledger.attempts(run))
        board.open(run, lambda found=details: found)
    return board


def picture(board: Board) -> dict[str, Any]:
    snapshot = board.snapshot()
    return {
        "scheduler": snapshot["scheduler"],
        "tasks": {row["name"]: row for row in snapshot["tasks"]},
        "runs": {row["id"]: row for row in snapshot["runs"]},
        "queue": set(snapshot["queue"]),
    }


def waiting_on(board: Board) -> set[str]:
    """Return the tasks that wait for their code: that is known by the process, not by the ledger."""
    return {row["name"] for row in board.snapshot()["tasks"] if not row["declared"]}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_board_from_events_is_the_board_from_the_ledger(tmp_path: Path, first: int) -> None:
    runs = due_times = late = 0
    for seed in range(first, first + CHUNK):
        decisions, random = history_of(seed)
        cut = random.randrange(len(decisions))
        with written_ledger(str(tmp_path / f"{seed}.db")) as written:
            telling = Telling(written, random)
            heard = telling.write(decisions[:cut])
            middle = opened(loaded(written, waiting_on(folded(Board(), heard))), written)
            later = telling.write(decisions[cut:])
            from_start = folded(folded(Board(), heard), later)
            from_ledger = opened(loaded(written, waiting_on(from_start)), written)
            told = picture(from_start)
            assert told == picture(from_ledger), f"seed {seed}"
            assert told == picture(folded(middle, later)), f"seed {seed}, loaded after {cut}"
            # Another process hears what is in the log; what runs tell, it reads from the ledger.
            log = written.ledger.events(limit=100_000)
            assert told == picture(opened(folded(Board(), log), written)), f"seed {seed}, from the log"
            counts = Board().counts(lambda store=written.store: run_counts(store))
            ended = {task: sum(states.values()) for task, states in counts.ended.items()}
            assert ended == ended_of(told)
            expected = durations_of(told)
            assert {task: known.count for task, known in counts.durations.items()} == {
                task: len(seconds) for task, seconds in expected.items()
            }
            assert all(
                known.seconds == pytest.approx(sum(expected[task]))
                for task, known in counts.durations.items()
            )
            assert figures_of(counts) == figures_of(counted(log)), f"seed {seed}, counted"
            due_times += sum(map(sum, (known.values() for known in counts.due_times.values())))
            late += len(counts.lateness)
            runs += len(told["runs"])
    assert runs > 10 * CHUNK
    assert min(due_times, late) > CHUNK


def counted(log: Iterable[Event]) -> RunCounts:
    """Return what is counted of the events of a log."""
    counts = RunCounts({}, 0)
    for event in log:
        counts.add(event)
    return counts


def figures_of(counts: RunCounts) -> dict[str, Any]:
    """Return what is counted, without the fractions by which sums of seconds differ."""
    times = {"durations": counts.durations, "lateness": counts.lateness}
    return {
        "ended": counts.ended,
        "due_times": counts.due_times,
        "retries": counts.retries,
        "last_done": counts.last_done,
        **{name: {task: rounded(known) for task, known in found.items()} for name, found in times.items()},
    }


def rounded(known: Histogram) -> Histogram:
    return replace(known, seconds=round(known.seconds, 3))


def durations_of(told: dict[str, Any]) -> dict[str, list[float]]:
    """Return the seconds of each task's ended runs that had started, by what a board shows."""
    found: dict[str, list[float]] = {}
    for row in told["runs"].values():
        if row["started_at"] and row["finished_at"]:
            began, over = (datetime.fromisoformat(row[key]) for key in ("started_at", "finished_at"))
            found.setdefault(row["task"], []).append((over - began).total_seconds())
    return found


def ended_of(told: dict[str, Any]) -> dict[str, int]:
    """Return how many runs of each task have ended, by what a board shows."""
    tasks = [row["task"] for row in told["runs"].values() if row["finished_at"]]
    return {task: tasks.count(task) for task in set(tasks)}
