"""``import schedkit`` is enough for ``%%task`` and ``%schedkit``, and takes no other magic away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.notebook_shell import Front, Shell
from support.notebooks import write_notebook

from schedkit.core.api.scheduler import Scheduler
from schedkit.notebook.execute import execute
from schedkit.notebook.front_end import connect
from schedkit.notebook.last_started import note_started


@pytest.fixture(autouse=True)
def no_magics(shell: Shell) -> Iterator[None]:
    """All tests share one shell, which others may have loaded the extension into."""
    magics = shell.shell.magics_manager.magics
    before = {kind: dict(known) for kind, known in magics.items()}
    magics["cell"].pop("task", None)
    magics["line"].pop("schedkit", None)
    yield
    magics.update(before)


def test_a_cell_becomes_a_task_without_a_line_that_loads_anything(
    shell: Shell, sched: Scheduler, front: Front
) -> None:
    note_started(sched)
    connect()
    shell.run("%%task nightly every=1h timeout=10m\n40 + 2")
    assert sched.submit("nightly").result(timeout=60) == 42
    shell.run("%schedkit runs")
    assert shell.outputs[-1]["data"]["text/html"]


def test_a_magic_of_another_extension_stays(shell: Shell) -> None:
    def task(line: str, cell: str) -> str:
        return "another"

    shell.shell.register_magic_function(task, "cell")
    connect()
    assert shell.run("%%task nightly every=1h\n1") == "another"


def test_a_notebook_that_is_executed_as_a_program_has_them_too(
    shell: Shell, sched: Scheduler, tmp_path: Path
) -> None:
    note_started(sched)
    execute(write_notebook(tmp_path / "cells.ipynb", "%%task from_file every=1h\n1"))
    assert sched.tasks["from_file"].next_run is not None
