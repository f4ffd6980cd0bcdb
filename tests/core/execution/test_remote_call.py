"""A call in another process knows its run as one in this process does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schedkit import context
from schedkit.core.api.scheduler import Scheduler


def tells() -> tuple[str | None, list[int]]:
    counts = []
    for _ in range(2):
        effects = context.current().effects()
        assert effects is not None
        effects.add("rows")
        counts.append(effects.count("rows"))
    return context.run_id(), counts


@pytest.mark.parametrize("where", [{}, {"runs_in": "process"}])
def test_a_run_and_its_effects_are_known_wherever_it_runs(where: Any, tmp_path: Path) -> None:
    """A child process is used again; what one run has done is not told of the next one."""
    with Scheduler(tmp_path / "ledger.db") as sched:
        task = sched.task(name="tells", **where)(tells)
        for _ in range(2):
            run = task.submit()
            assert run.result("30s") == (run.id, [1, 2])


async def tells_async() -> tuple[str | None, list[int]]:
    return tells()


def test_a_coroutine_knows_its_run(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:
        run = sched.task(name="tells")(tells_async).submit()
        assert run.result("30s") == (run.id, [1, 2])
