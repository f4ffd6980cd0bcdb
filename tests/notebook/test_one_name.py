"""Three notebooks declare a task of one name; one kernel is restarted after an edit, one is VS Code's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.kernels import Kernel, kernel
from support.waiting import wait_until

START = "from schedkit import Scheduler; sched = Scheduler(); sched.start()"
CELL = """
@sched.task(name="one"{how})
def one():
    return {version}
"""
Open = Callable[..., Kernel]


@pytest.fixture
def open_kernel(tmp_path: Path) -> Iterator[Open]:
    """Start the kernel of a notebook, with what names it in the environment."""
    project, home = tmp_path / "project", tmp_path / "home"
    for folder in (project, home):
        folder.mkdir()
    (project / "pyproject.toml").touch()
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(kernel(project, home, **more))


def of_vs_code(opened: Kernel) -> None:
    """As versions of VS Code did that set no variable of the environment."""
    opened.run(
        'import os; os.environ.pop("JPY_SESSION_NAME", None); __vsc_ipynb_file__ = "/work/other.ipynb"'
    )


def declared(opened: Kernel, version: int, how: str = "") -> str:
    """Run the cell; return why it is refused, empty if it is not."""
    cell = opened.end(opened.begin(CELL.format(version=version, how=how)), 60)
    return f"{cell.error}: {cell.traceback}" if cell.error else ""


def at_home(opened: Kernel) -> str:
    return opened.say("print(sched.at_home, sched.standing_by)")


def value(opened: Kernel) -> str:
    return opened.end(opened.begin('print(sched.submit("one").result("60s"))'), 90).stdout.strip()


def test_other_code_and_restarted_kernels(open_kernel: Open) -> None:
    daily = open_kernel(JPY_SESSION_NAME="/work/daily.ipynb")
    copy = open_kernel(JPY_SESSION_NAME="/work/copy.ipynb")
    other = open_kernel()
    of_vs_code(other)
    for opened in (daily, copy, other):
        opened.end(opened.begin(START), 90)
    assert declared(daily, 1) == ""
    assert declared(copy, 1) == ""
    assert (at_home(daily), at_home(copy)) == ("['one'] []", "[] ['one']")
    refused = declared(other, 2)
    assert "DeclarationError" in refused
    assert "daily.ipynb (pid" in refused

    daily.restart(now=True)
    wait_until(lambda: at_home(copy) == "['one'] []")
    daily.end(daily.begin(START), 90)
    assert declared(daily, 2) == "", "the same notebook, edited"
    wait_until(lambda: at_home(copy) == "[] []")
    assert (at_home(daily), value(copy)) == ("['one'] []", "2")
    assert "DeclarationError" in declared(copy, 1)

    assert declared(other, 3, ", replace=True") == ""
    wait_until(lambda: at_home(daily) == "[] []")
    assert (at_home(other), value(daily)) == ("['one'] []", "3")
    other.restart(now=False)
    of_vs_code(other)
    other.end(other.begin(START), 90)
    assert declared(other, 4) == "", "the same notebook, as VS Code names it"
    assert value(daily) == "4"
