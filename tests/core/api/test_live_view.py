"""What a server reads of a scheduler that runs tasks, and of one that watches."""

from __future__ import annotations

from collections.abc import Callable

from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.live_view import LiveView
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.board.run_counts import Extractions


def test_extractions_of_runs_elsewhere_are_counted_as_the_ledger_has_them(
    make: Callable[..., Scheduler],
) -> None:
    home, watcher = make(name="home"), make(name="watcher")

    @home.task
    def reads() -> None:
        for rows in (10, 500):
            facts = {"requests": 12, "throttled": 1, "returned": rows}
            context.fact("extraction", facts)

    @home.task
    def silent() -> None:
        context.fact("rows", {"extraction": 1})

    home.start()
    watcher.watch()
    here, there = LiveView(home), LiveView(watcher)
    for view in (here, there):
        assert view.counts(view.board()).extractions == {}
    for task in ("reads", "silent", "reads"):
        home.submit(task).wait()

    def ended_there() -> bool:
        counts = there.counts(there.board(settled=True))
        return {task: sum(states.values()) for task, states in counts.ended.items()} == {
            "reads": 2,
            "silent": 1,
        }

    wait_until(ended_there)
    for view in (here, there):
        assert view.counts(view.board(settled=True)).extractions == {"reads": Extractions(4, 48, 4, 1020)}
