"""The hash by which processes tell whether they have the same code of a task: what it sees, and what not."""

from __future__ import annotations

import functools
import linecache
from pathlib import Path
from typing import Any

import pytest

from schedkit.core.tasks.base import as_task
from schedkit.core.tasks.code import code_of
from schedkit.core.tasks.declare import declare

FUNCTION = """
def work(n: int = 1) -> int:
    return n + 1
"""
CLASS = """
from schedkit.core.tasks.base import BaseTask

class Work(BaseTask):
    schedule = "@hourly"
    unit = "days"

    def execute(self) -> str:
        return self.helper()

    def helper(self) -> str:
        return "first"
"""


def cell(source: str, name: str, magic: str = "") -> Any:
    """Execute a cell as a kernel does, and return what it defines; `magic` is its first line."""
    file = f"<ipython-input-{hash(magic + source)}>"
    shown = [magic, *source.splitlines(keepends=True)] if magic else source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, shown, file)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), names)
    return names[name]


def of_function(source: str, **options: Any) -> str:
    return code_of(declare(cell(source, "work"), **options))


def of_class(source: str) -> str:
    return code_of(as_task(cell(source, "Work")))


def test_a_comment_and_a_decorator_change_nothing() -> None:
    code = of_function(FUNCTION)
    assert of_function(FUNCTION.replace("return", "# why\n    return")) == code
    decorated = "import functools\n@functools.cache" + FUNCTION
    assert of_function(decorated) == code


@pytest.mark.parametrize(("old", "new"), [("n + 1", "n + 2"), ("n: int = 1", "n: int = 2")])
def test_another_function_is_seen(old: str, new: str) -> None:
    assert of_function(FUNCTION.replace(old, new)) != of_function(FUNCTION)


def test_other_options_are_seen() -> None:
    assert of_function(FUNCTION, retry=3) != of_function(FUNCTION)
    assert of_function(FUNCTION, params={"n": 3}) != of_function(FUNCTION)


@pytest.mark.parametrize(
    ("old", "new"), [('"first"', '"other"'), ('"days"', '"hours"'), ('"@hourly"', '"@daily"')]
)
def test_the_whole_class_is_seen_also_in_a_cell(old: str, new: str) -> None:
    assert of_class(CLASS.replace(old, new)) != of_class(CLASS)
    assert of_class(CLASS.replace("        return self", "        # why\n        return self")) == of_class(
        CLASS
    )


def test_a_cell_and_a_file_have_the_same_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work_in_a_file.py").write_text(CLASS + FUNCTION)
    monkeypatch.syspath_prepend(str(tmp_path))
    import work_in_a_file

    assert code_of(as_task(work_in_a_file.Work)) == of_class(CLASS)
    assert code_of(as_task(work_in_a_file.work)) == of_function(FUNCTION)


def test_a_base_that_is_edited_is_seen() -> None:
    base = CLASS.replace("class Work", "class Base") + "\nclass Work(Base):\n    tags = 'a'\n"
    assert of_class(base.replace('"first"', '"other"')) != of_class(base)


@pytest.mark.parametrize(("old", "new"), [('"first"', '"other"'), ("self.helper()", "self.helper() + 'x'")])
def test_without_source_a_class_is_told_by_what_it_compiles_to(old: str, new: str) -> None:
    """As in a cell whose first line is a magic that compiles the rest."""
    first, same, other = (
        code_of(as_task(cell(source, "Work", "%%time\n")))
        for source in (CLASS, CLASS + "\nx = 1", CLASS.replace(old, new))
    )
    assert first == same != other


@pytest.mark.parametrize(("old", "new"), [("1\n", "2\n"), ("'a'", "'c'"), ("str", "repr")])
def test_without_source_a_function_is_told_by_what_it_compiles_to(old: str, new: str) -> None:
    source = "def work(n): return str(n in {'a', 'b'}), (lambda: n), 1\n"
    first, same, other = (
        code_of(declare(cell(text, "work", "%%time\n")))
        for text in (source, source + "x = 1\n", source.replace(old, new))
    )
    assert first == same != other


@pytest.mark.parametrize("source", ["offset = {}\ndef work(n: int) -> int:\n    return n + offset"])
def test_what_lies_outside_of_the_function_is_not_seen(source: str) -> None:
    assert of_function(source.format(1)) == of_function(source.format(2))

    def made(by: int) -> Any:
        return lambda n: n + by

    assert code_of(declare(made(1), name="m")) == code_of(declare(made(2), name="m"))
    work = cell(FUNCTION, "work")
    assert code_of(declare(functools.partial(work, 1), name="m")) == code_of(
        declare(functools.partial(work, 2), name="m")
    )
