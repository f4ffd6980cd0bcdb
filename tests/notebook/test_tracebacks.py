"""What a cell shows of an error: the caller's own lines and one sentence, in a real kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kernels import Kernel, kernel

HELPER = """
from schedkit.jira import Jira

def bugs():
    return Jira("http://127.0.0.1:9", cloud=False).search("type = Bug")
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("cells")
    (folder / "helper.py").write_text(HELPER)
    with kernel(folder, folder) as cells:
        cells.run("import schedkit, helper; from schedkit import cron, FatalError, Scheduler")
        yield cells


def shown(cells: Kernel, code: str) -> str:
    """Return the traceback of a cell that fails, without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", cells.end(cells.begin(code)).traceback)


def test_a_mistake_shows_the_cell_and_one_line(cells: Kernel) -> None:
    told = shown(cells, "x = 1\ncron('0 7 31 2 *')")
    assert "----> 2 cron('0 7 31 2 *')" in told
    assert told.rstrip().endswith(
        "TriggerError: cron('0 7 31 2 *'): it never fires (no month it names has such a day)"
    )
    assert "schedkit/" not in told


def test_the_callers_own_modules_are_shown(cells: Kernel) -> None:
    """From the loop's thread, through half a dozen libraries, with the network's error as its cause."""
    told = shown(cells, "helper.bugs()")
    assert "----> 1 helper.bugs()" in told
    assert "helper.py:5, in bugs()" in told
    assert "UnavailableError: GET http://127.0.0.1:9/" in told
    assert len(told.splitlines()) < 20
    assert "urllib3" not in told
    assert "direct cause" not in told


def test_a_run_that_failed_is_one_line(cells: Kernel) -> None:
    cells.run("sched = Scheduler(); sched.start()\n@sched.task()\ndef broken(): raise KeyError('Summary')")
    told = shown(cells, "broken.submit().result(60)")
    assert "RunFailedError: run " in told
    assert told.rstrip().endswith("ended as FAILED: KeyError: 'Summary'")
    assert len(told.splitlines()) < 8


OWN = """
def mine():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise FatalError("no") from error
mine()
"""


def test_what_a_user_raises_is_shown_as_ever(cells: Kernel) -> None:
    told = shown(cells, OWN)
    assert "ZeroDivisionError: division by zero" in told
    assert "direct cause" in told
    assert "FatalError: no" in told


def test_verbose_mode_shows_all(cells: Kernel) -> None:
    cells.run("%xmode Verbose")
    assert "schedkit/core/triggers/crontab.py" in shown(cells, "cron('0 7 31 2 *')")
    cells.run("%xmode Minimal")
    assert shown(cells, "cron('0 7 31 2 *')").startswith("TriggerError: cron('0 7 31 2 *'): it never fires")
    cells.run("%xmode Context")
