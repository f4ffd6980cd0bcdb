"""Task modules and plug-ins: found by package and by entry point, bad ones reported and left out."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.core.tasks.declare import declare
from schedkit.core.tasks.discover import Found, Problem, from_entry_points, from_modules, said_later


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package ``shop`` in a folder of its own."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [m for m in sys.modules if m == "shop" or m.startswith("shop.")]:
        del sys.modules[name]


def write(package: Path, name: str, text: str) -> None:
    (package / f"{name}.py").write_text(text)


MARKED = """
from schedkit.core.tasks.declare import task
from schedkit.core.triggers.constructors import every
@task(every("1h"))
def sync(pages: int = 1) -> int:
    return pages
def helper(): ...
"""
CLASSES = """
from schedkit.core.tasks.base import BaseTask
from shop.marked import sync
class Base(BaseTask):
    timeout = "1m"
class Crawl(Base):
    name = "crawl"
    def execute(self): ...
"""


def test_every_module_of_a_package_is_read(package: Path) -> None:
    write(package, "marked", MARKED)
    write(package, "classes", CLASSES)
    write(package, "plain", "def run():\n    return 1\n")
    write(package, "nothing", "x = 1\n")
    write(package, "_private", "raise RuntimeError\n")
    found = from_modules("shop")
    # An imported function is not the importing module's task; a class without work is a base.
    assert sorted(t.name for t in found.tasks) == ["crawl", "plain", "sync"]
    assert found.problems == []


def test_a_bad_module_is_reported_and_the_others_load(
    package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(package, "marked", MARKED)
    write(package, "broken", "import not_there\n")
    write(package, "exits", "raise SystemExit('no')\n")
    write(
        package,
        "wrong",
        "from schedkit.core.tasks.base import BaseTask\nclass W(BaseTask):\n  timeout=0\n"
        "  def execute(self): ...\n",
    )
    found = from_modules("shop", "nowhere")
    assert [t.name for t in found.tasks] == ["sync"]
    assert sorted(map(str, found.problems)) == [
        "module nowhere: ModuleNotFoundError: No module named 'nowhere'",
        "module shop.broken: ModuleNotFoundError: No module named 'not_there'",
        "module shop.exits: SystemExit: no",
        "module shop.wrong: task 'W': timeout=0 (longer than 0s)",
    ]
    assert len(caplog.records) == 4


def test_plug_ins_by_entry_point(package: Path) -> None:
    """A distribution as pip installs one: a folder of metadata beside its package."""
    write(package, "marked", MARKED)
    write(package, "classes", CLASSES)
    write(package, "several", "from shop.marked import sync, helper\nTASKS = [sync, helper]\n")
    info = package.parent / "shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[schedkit.tasks]\na = shop.marked\nb = shop.classes:Crawl\nc = shop.several:TASKS\n"
        "d = shop.marked:sync\ne = shop.gone\nf = shop.several:__name__\n"
    )
    found = from_entry_points()
    ours = [t.name for t in found.tasks]
    # What several plug-ins offer under one name is declared once.
    assert ours == ["sync", "crawl", "helper"]
    assert [p.where for p in found.problems] == [
        "plug-in 'e' (shop.gone)",
        "plug-in 'f' (shop.several:__name__)",
    ]
    assert "is not a task" in found.problems[1].error


def test_problems_are_told_in_a_line() -> None:
    found = Found()
    found.fail("somewhere", "it is broken")
    found.fail("elsewhere", ValueError())
    assert list(map(str, found.problems)) == ["somewhere: it is broken", "elsewhere: ValueError: ValueError"]
    assert found.problems[0] == Problem("somewhere", "it is broken")


def test_whoever_says_problems_themselves_has_none_logged(caplog: pytest.LogCaptureFixture) -> None:
    Found().fail("somewhere", "it is broken")
    assert [record.getMessage() for record in caplog.records] == ["no tasks from somewhere: it is broken"]
    caplog.clear()
    told: list[Problem] = []
    Found(tell=told.append).fail("somewhere", "it is broken")
    Found(tell=said_later).fail("somewhere", "it is broken")
    assert told == [Problem("somewhere", "it is broken")]
    assert not caplog.records


def test_of_two_functions_with_one_name_the_first_counts() -> None:
    def first() -> None: ...

    def second() -> None: ...

    found = Found(tasks=[declare(first, name="x"), declare(first, name="x"), declare(second, name="x")])
    assert [t.function for t in found.parents_first().tasks] == [first]
    assert list(map(str, found.problems)) == [
        "task 'x': another function has this name already; the first counts"
    ]


def test_parents_come_first_however_long_their_chain_is() -> None:
    def run() -> None: ...

    names = [f"t{number}" for number in range(2000)]
    found = Found()
    # Each after the one that stands below it.
    found.tasks = [declare(run, name=name, after=[below]) for name, below in itertools.pairwise(names)]
    found.tasks.append(declare(run, name=names[-1]))
    assert [task.name for task in found.parents_first().tasks] == names[::-1]
    # The cycle is refused when they are declared.
    found.tasks = [declare(run, name="a", after=["b"]), declare(run, name="b", after=["a"])]
    assert [task.name for task in found.parents_first().tasks] == ["b", "a"]
