"""A person's own lines in a traceback."""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterator
from typing import Any

import pytest

from schedkit.values.own_code import (
    LINES,
    is_ours,
    is_own,
    line_words,
    name_files,
    named_lines,
    named_traceback,
    own_frames,
    own_lines,
)

CELL = "/tmp/ipykernel_7/99.py"


@pytest.fixture
def _cells() -> Iterator[None]:
    linecache.cache[CELL] = (20, None, ["x = 0\n", "y = 1 / x\n"], CELL)
    name_files(lambda file: "Cell In[3]" if file == CELL else "")
    yield
    name_files(lambda file: "")
    del linecache.cache[CELL]


def raised(times: int = 1) -> BaseException:
    def again(left: int) -> Any:
        return again(left - 1) if left else json.loads("{")

    with pytest.raises(ValueError, match="property name") as caught:
        again(times)
    return caught.value


def test_only_a_persons_own_lines_are_found() -> None:
    found = own_lines(raised().__traceback__)
    assert {line["file"] for line in found} == {__file__}
    assert found[-1]["function"] == "again"
    assert found[-1]["code"] == 'return again(left - 1) if left else json.loads("{")'
    assert len(own_lines(raised(20).__traceback__)) == LINES
    assert own_lines(None) == []


def test_frames_of_libraries_are_left_out() -> None:
    trace = own_frames(raised().__traceback__)
    while trace is not None:
        assert is_own(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    assert not is_own(json.__file__)
    assert not is_own("<frozen os>")
    assert is_ours(own_lines.__code__.co_filename)
    assert not is_ours(__file__)


@pytest.mark.usefixtures("_cells")
def test_cells_have_their_names_and_code() -> None:
    line = {"file": CELL, "line": 2, "function": "<module>", "code": ""}
    (named,) = named_lines([line])
    assert (named["where"], named["code"]) == ("Cell In[3]", "y = 1 / x")
    assert line_words(named) == "Cell In[3], line 2"
    (other,) = named_lines([{**line, "file": "bugs.py", "function": "bugs", "code": "kept"}])
    assert (other["code"], line_words(other)) == ("kept", "bugs.py, line 2, in bugs")


@pytest.mark.usefixtures("_cells")
@pytest.mark.parametrize("code", ["", "    y = 1 / x\n"])
def test_a_traceback_names_the_cell_and_shows_its_code(code: str) -> None:
    """In another process, which lacks the cells, it has no code."""
    other = '  File "bugs.py", line 5, in bugs\n    work()\n'
    text = f'Traceback (most recent call last):\n{other}  File "{CELL}", line 2, in work\n{code}Error: no\n'
    told = f"{other}  Cell In[3], line 2, in work\n    y = 1 / x\nError: no\n"
    assert named_traceback(text) == f"Traceback (most recent call last):\n{told}"


def helper() -> None: ...


def called() -> object:
    def inner() -> None: ...

    return helper, inner


@pytest.mark.parametrize(
    ("function", "name", "file"),
    [
        (called, "called", __file__),
        (called, "inner", __file__),
        (called, "helper", __file__),
        (called, "other", "<dynamic-code>"),
        (None, "called", "<dynamic-code>"),
        (len, "len", "<dynamic-code>"),
    ],
)
def test_code_that_travelled_is_found_again(function: object, name: str, file: str) -> None:
    """Cloudpickle leaves out the file of a function of a cell or a script."""
    (line,) = named_lines([{"file": "<dynamic-code>", "line": 1, "function": name, "code": "x"}], function)
    assert line["file"] == line["where"] == file
