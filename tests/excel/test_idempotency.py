"""Rows appended by a run that begins again are in the workbook once."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from support.workbook_corpus import workbooks

from schedkit import context, excel
from schedkit.context import Effects
from schedkit.errors import WorkbookError


class Attempt(context.ExecutionContext):
    def __init__(self, run: str = "run-1") -> None:
        self._effects = Effects(run)

    def effects(self) -> Effects:
        return self._effects


def frame(first: int, rows: int = 2) -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"A-{number}" for number in range(first, first + rows)], "Points": 1.5})


def append(path: Path, first: int, sheet: str | None = "Bugs") -> excel.Written:
    return excel.write(frame(first), path, sheet=sheet, mode="append")


def keys(path: Path, sheet: str = "Bugs") -> list[int]:
    return [int(key[2:]) for key in excel.read(path, sheet)["Key"]]


@pytest.mark.parametrize("begun", [False, True])
def test_another_attempt_adds_nothing(begun: bool, tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    old = [90, 91] if begun else []
    if begun:
        append(path, 90)
    with context.use(Attempt()):
        assert append(path, 1).notes == ()
    before = path.read_bytes()
    with context.use(Attempt()):
        written = append(path, 1)
    assert (written.rows, written.added, written.sheets) == (0, 0, ("Bugs",))
    (note,) = written.notes
    assert "has these rows from an earlier attempt of this run: none were added" in note
    assert path.read_bytes() == before
    with context.use(Attempt("run-2")):
        assert append(path, 3).added == 2
    append(path, 5)
    assert keys(path) == [*old, 1, 2, 3, 4, 5, 6]


def test_a_run_may_append_many_times(tmp_path: Path) -> None:
    """The attempt that begins again adds those that the first one did not come to."""
    path = tmp_path / "r.xlsx"
    with context.use(Attempt()):
        append(path, 1)
        append(path, 3)
        append(path, 50, "Others")
    with context.use(Attempt()):
        told = [append(path, first).added for first in (1, 3, 5)]
        told += [append(path, first, "Others").added for first in (50, 52)]
    assert told == [0, 0, 2, 0, 2]
    assert keys(path) == [1, 2, 3, 4, 5, 6]
    assert keys(path, "Others") == [50, 51, 52, 53]


def test_several_frames_of_one_call(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    both = {"Bugs": frame(1), "Others": frame(50)}
    with context.use(Attempt()):
        append(path, 1)
    with context.use(Attempt()):
        written = excel.write(both, path, mode="append")
    assert (written.rows, written.added, len(written.notes)) == (2, 2, 1)
    with context.use(Attempt()):
        assert excel.write(both, path, mode="append").added == 0
    assert (keys(path), keys(path, "Others")) == ([1, 2], [50, 51])
    with context.use(Attempt("run-2")):
        assert excel.write({"Bugs": frame(3), "Bugs!A1": frame(5)}, path, mode="append").added == 4
    assert keys(path) == [1, 2, 3, 4, 5, 6]


def test_cells_without_a_table(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    for _ in range(2):
        with context.use(Attempt()):
            excel.write(frame(1), path, sheet="Report", at="C3", mode="append")
    column = [cell.value for cell in openpyxl.load_workbook(path)["Report"]["C"]]
    assert column[2:] == ["Key", "A-1", "A-2"]


def test_a_template_continued(tmp_path: Path) -> None:
    template, path = tmp_path / "template.xlsx", tmp_path / "r.xlsx"
    with context.use(Attempt()):
        append(template, 90)
        excel.write({"Bugs": frame(1)}, path, template=template, mode="append")
    with context.use(Attempt()):
        written = append(path, 1)
    assert written.added == 0
    assert keys(path) == [90, 91, 1, 2]


def test_a_template_of_two_sheets_continued(tmp_path: Path) -> None:
    template, path = tmp_path / "template.xlsx", tmp_path / "r.xlsx"
    excel.write({"Bugs": frame(90), "Others": frame(95)}, template)
    both = {"Bugs": frame(1), "Others": frame(3)}
    for _ in range(2):
        with context.use(Attempt()):
            excel.write(both, path, template=template, mode="append")
    assert (keys(path), keys(path, "Others")) == ([90, 91, 1, 2], [95, 96, 3, 4])


def test_a_copy_is_continued_by_itself(tmp_path: Path) -> None:
    first, copy = tmp_path / "r.xlsx", tmp_path / "copy.xlsx"
    with context.use(Attempt()):
        append(first, 1)
        shutil.copy(first, copy)
        assert append(copy, 3).added == 2
    assert (keys(first), keys(copy)) == ([1, 2], [1, 2, 3, 4])


def test_a_failed_append_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    with context.use(Attempt()):
        append(path, 1)
        with pytest.raises(WorkbookError, match="no header of the frame's columns"):
            excel.write(pd.DataFrame({"None of them": [1]}), path, sheet="Bugs", mode="append")
        assert append(path, 3).added == 2
    with context.use(Attempt()):
        assert [append(path, first).added for first in (1, 3)] == [0, 0]


def test_the_last_runs_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    for number in range(12):
        with context.use(Attempt(f"run-{number:02}")):
            append(path, 2 * number)
    with zipfile.ZipFile(path) as package:
        memory = package.read("customXml/item1.xml").decode()
    assert [number for number in range(12) if f"run-{number:02}" in memory] == [7, 8, 9, 10, 11]


def test_a_damaged_memory_is_replaced(tmp_path: Path) -> None:
    path, damaged = tmp_path / "r.xlsx", tmp_path / "damaged.xlsx"
    append(path, 1)
    with zipfile.ZipFile(path) as package, zipfile.ZipFile(damaged, "w") as made:
        for name in package.namelist():
            made.writestr(name, b"<x/>" if name == "customXml/item1.xml" else package.read(name))
    for _ in range(2):
        with context.use(Attempt()):
            append(damaged, 3)
    assert keys(damaged) == [1, 2, 3, 4]
    with zipfile.ZipFile(damaged) as package:
        assert [name for name in package.namelist() if "customXml" in name] == ["customXml/item2.xml"]


def test_real_workbooks_of_others(shared_data: Path, tmp_path: Path) -> None:
    """Whatever parts of its own a workbook has, rows are added once; the validator judges each file."""
    tried = 0
    for source in workbooks(shared_data / "excel"):
        with zipfile.ZipFile(source) as package:
            foreign = any("customXml" in name for name in package.namelist())
        if not foreign or "strict" in source.name:
            continue
        path = tmp_path / source.name
        shutil.copy(source, path)
        told = []
        for _ in range(2):
            with context.use(Attempt()):
                told.append(append(path, 1, "Ours").added)
        assert told == [2, 0], source.name
        assert keys(path, "Ours") == [1, 2], source.name
        tried += 1
    assert tried
