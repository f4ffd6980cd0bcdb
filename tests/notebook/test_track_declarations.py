"""A cell that is run again under another name says that the old task goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kernels import Kernel, kernel

TASKS = """
@sched.task(every("1h"))
def {}(): return 1
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("cells")
    with kernel(folder, folder) as cells:
        cells.run("from schedkit import Scheduler, every; sched = Scheduler(); sched.start()")
        yield cells


def told(cells: Kernel, code: str, name: str) -> str:
    cell = cells.end(cells.begin(code, name))
    assert not cell.error, cell.traceback
    return cell.stderr


def test_a_renamed_task_is_told_once_by_its_cell(cells: Kernel) -> None:
    two = TASKS.format("tick") + TASKS.format("tock")
    assert told(cells, two, "one") == ""
    assert told(cells, two, "one") == ""
    assert told(cells, "print(1)", "two") == ""
    assert told(cells, two.replace("tick", "tack"), "one") == (
        "schedkit: this cell no longer declares the task 'tick', which stays scheduled. "
        "sched.remove('tick') removes it.\n"
    )
    assert told(cells, two.replace("tick", "tack"), "one") == ""
    assert cells.say("print(sorted(sched.tasks))") == "['tack', 'tick', 'tock']"


def test_what_was_removed_or_moved_to_another_cell_is_not_told(cells: Kernel) -> None:
    assert told(cells, TASKS.format("gone"), "three") == ""
    cells.run("sched.remove('gone')")
    assert told(cells, TASKS.format("moved"), "three") == ""
    assert told(cells, TASKS.format("moved"), "four") == ""
    assert told(cells, "1", "three") == ""


def test_a_cell_that_failed_half_way_blames_nothing(cells: Kernel) -> None:
    assert told(cells, TASKS.format("half"), "five") == ""
    failed = cells.end(cells.begin("1 / 0" + TASKS.format("half"), "five"))
    assert (failed.error, failed.stderr) == ("ZeroDivisionError", "")
    assert told(cells, TASKS.format("half"), "five") == ""


def test_another_cell_with_other_code_under_a_name_is_told(cells: Kernel) -> None:
    first = cells.end(cells.begin("print(get_ipython().execution_count)" + TASKS.format("report"), "first"))
    number = first.stdout.strip()
    copied = TASKS.format("report").replace("1h", "2h")
    assert told(cells, copied, "copy") == (
        f"schedkit: task 'report' was declared in another cell, In[{number}], with other code or options; "
        "this cell replaces it. For two tasks give one of them another name.\n"
    )
    assert told(cells, copied, "copy") == ""
    assert told(cells, copied.replace("return 1", "return 2"), "copy") == "", "its own cell may change it"
    assert "with other code or options" in told(cells, TASKS.format("report"), "first")
    cells.run("sched.remove('report')")
    assert told(cells, copied, "copy") == "", "it was removed"


MAGIC = "%%task {} every=1h\n1"


def test_a_task_cell_joins_the_scheduler_that_was_started_last(cells: Kernel) -> None:
    cells.run("%load_ext schedkit\nother = Scheduler('other.db'); other.start()")
    assert told(cells, MAGIC.format("recent"), "magic") == ""
    assert cells.say("print(list(other.tasks), 'recent' in sched.tasks)") == "['recent'] False"
    cells.run("other.stop()")
    assert told(cells, MAGIC.format("later"), "late").startswith(
        "schedkit: task 'later' is declared, and runs once its scheduler is started (ledger "
    )
    cells.run("sched.stop(); sched.start()")
    assert told(cells, MAGIC.format("again"), "again") == ""
    assert cells.say("print('again' in sched.tasks)") == "True"
