"""Where a file is written, and that an existing one is replaced whole, by one writer at a time."""

from __future__ import annotations

import errno
import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.ready_processes import begun

from schedkit import context, excel
from schedkit.errors import FileError, StopRequested, UsageError, WorkbookError

FRAME = pd.DataFrame({"a": range(20_000), "b": "x"})


class Listener(context.ExecutionContext):
    """Notes what it is told; asks to stop once rows have been written, if so wished."""

    def __init__(self, stop: bool = False) -> None:
        self.stop = stop
        self.told: list[tuple[str, Any]] = []

    def progress(self, stage: str, done: float, total: float | None) -> None:
        self.told.append(("progress", (stage, done, total)))

    def log(self, level: int, message: str) -> None:
        self.told.append(("log", message))

    def fact(self, kind: str, facts: Any) -> None:
        self.told.append((kind, facts))

    def artifact(self, path: Path, label: str) -> None:
        self.told.append(("artifact", path))

    def should_stop(self) -> bool:
        return self.stop


def test_the_run_hears_of_it(tmp_path: Path) -> None:
    with context.use(Listener()) as listener:
        written = excel.write(FRAME, tmp_path / "deep" / "er" / "r.xlsx")
    assert listener.told[-3] == ("progress", ("write workbook", 20_000, 20_000))
    assert listener.told[-2] == ("artifact", written.path)
    kind, facts = listener.told[-1]
    assert kind == "workbook"
    assert facts["path"] == str(written.path)
    assert facts["rows"] == 20_000
    assert facts["bytes"] == written.path.stat().st_size
    assert repr(written).startswith("20,000 rows written to ")


def test_a_stopped_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = excel.write(FRAME.head(5), tmp_path / "r.xlsx").path
    old = path.read_bytes()
    with context.use(Listener(stop=True)), pytest.raises(StopRequested):
        excel.write(FRAME, path)
    assert [path.read_bytes()] == [file.read_bytes() for file in tmp_path.iterdir()] == [old]


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("cannot tell")


def test_a_bad_last_row_leaves_the_old_file(tmp_path: Path) -> None:
    path = excel.write(FRAME.head(5), tmp_path / "r.xlsx").path
    old = path.read_bytes()
    bad = pd.DataFrame({"a": pd.Series([*range(20_000), Unprintable()], dtype=object)})
    with pytest.raises(RuntimeError, match="cannot tell"):
        excel.write(bad, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [old]


def test_a_file_open_in_excel_gets_the_new_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = excel.write(FRAME.head(5), tmp_path / "r.xlsx").path
    (tmp_path / "r (2).xlsx").write_bytes(b"open as well")
    replace = os.replace

    def windows(source: Path, target: Path) -> None:
        # What Windows answers while Excel holds the file.
        if target.exists():
            raise PermissionError(errno.EACCES, "Access is denied", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", windows)
    old = path.read_bytes()
    with context.use(Listener()) as listener:
        written = excel.write(FRAME.head(7), path)
    assert written.path == tmp_path / "r (3).xlsx"
    assert ("log", "r.xlsx is open in another program; the new file is r (3).xlsx") in listener.told
    assert path.read_bytes() == old
    assert len(excel.read(written.path)) == 7
    assert len(list(tmp_path.iterdir())) == 3


def test_nowhere_to_put_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Access is denied", str(target))

    monkeypatch.setattr(os, "replace", never)
    with pytest.raises(FileError, match=r"cannot replace .*, or write a file beside it"):
        excel.write(FRAME.head(1), tmp_path / "r.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match=r"cannot write .*: a part of its path is not a folder"):
        excel.write(FRAME.head(1), tmp_path / "file" / "r.xlsx")


def test_a_folder_named_like_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder.xlsx").mkdir()
    with pytest.raises(FileError, match=r"folder\.xlsx is not a file"):
        excel.write(FRAME.head(1), tmp_path / "folder.xlsx")
    with pytest.raises(FileError, match="the name is too long"):
        excel.write(FRAME.head(1), tmp_path / f"{'n' * 300}.xlsx")
    with pytest.raises(FileError, match="the name is too long"):
        excel.write(FRAME.head(1), tmp_path / f"{'n' * 300}.xlsx", mode="append")
    assert excel.write(FRAME.head(1), tmp_path / f"{'n' * 240}.xlsx").path.is_file()


def test_a_link_is_followed_and_mode_and_group_are_kept(tmp_path: Path) -> None:
    real = excel.write(FRAME.head(1), tmp_path / "shared" / "real.xlsx").path
    real.chmod(0o660)
    link = tmp_path / "link.xlsx"
    link.symlink_to(real)
    written = excel.write(FRAME.head(3), link)
    assert written.path == link
    assert link.is_symlink()
    assert len(excel.read(real)) == 3
    assert stat.S_IMODE(real.stat().st_mode) == 0o660
    assert real.stat().st_gid == tmp_path.stat().st_gid
    assert [path.name for path in real.parent.iterdir()] == ["real.xlsx"]


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    excel.write(FRAME.head(1), "~/reports/r.xlsx")
    excel.write(FRAME.head(2), "~/reports/r.xlsx", mode="append")
    assert len(excel.read("~/reports/r.xlsx")) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_a_file_object_is_refused_in_one_sentence() -> None:
    with pytest.raises(WorkbookError, match=r"cannot write to a BytesIO \(give a path"):
        excel.write(FRAME.head(1), io.BytesIO())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (FRAME["a"], r"cannot write a Series \(write series.reset_index"),
        (FRAME.head(1).style, r"cannot write a Styler \(write its frame, styler.data"),
    ],
)
def test_what_is_no_frame_is_told_what_to_write(data: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=message):
        excel.write(data, tmp_path / "r.xlsx")


@pytest.mark.parametrize(
    ("tz", "name"), [("UTC", "UTC"), ("+02:00", "+02:00"), ("europe/berlin", "Europe/Berlin"), ("utc", "UTC")]
)
def test_zones_are_read_as_everywhere(tz: str, name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2026-07-01T12:00Z"])})
    written = excel.write(frame, tmp_path / "z.xlsx", tz=tz)
    assert written.timezone == name
    back = excel.read(written.path)
    assert back["at"].tolist() == frame["at"].tolist()
    for wrong in ("Europe", "Mars/Olympus", 5):
        with pytest.raises(UsageError, match="time zone"):
            excel.write(frame, tmp_path / "z.xlsx", tz=wrong)


def test_ten_threads_that_append_lose_no_row(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"i": [-1]}), tmp_path / "r.xlsx").path

    def append(number: int) -> None:
        excel.write(pd.DataFrame({"i": [number]}), path, mode="append")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(append, range(10)))
    assert sorted(excel.read(path)["i"]) == list(range(-1, 10))
    assert [file.name for file in tmp_path.iterdir()] == ["r.xlsx"]


APPENDER = """
import sys
import pandas as pd
from schedkit import excel
for number in range(5):
    frame = pd.DataFrame({"Key": [f"{sys.argv[2]}-{number}"], "n": [number]})
    excel.write(frame, sys.argv[1], mode="upsert", key="Key")
"""


def test_two_processes_that_upsert_lose_no_row(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    with (
        begun(APPENDER, [str(path), "A"], tmp_path) as one,
        begun(APPENDER, [str(path), "B"], tmp_path) as two,
    ):
        assert [one.wait(), two.wait()] == [0, 0]
    assert sorted(excel.read(path)["Key"]) == [f"{name}-{number}" for name in "AB" for number in range(5)]
    assert [file.name for file in tmp_path.iterdir()] == ["r.xlsx"]


def owner_file(path: Path, program: str) -> Path:
    if program == "Excel":
        made = path.with_name(f"~${path.name}")
        name = "Anna Example"
        made.write_bytes(
            bytes([len(name)])
            + name.encode().ljust(54)
            + bytes([len(name), 0])
            + name.encode("utf-16-le").ljust(108)
        )
    else:
        made = path.with_name(f".~lock.{path.name}#")
        made.write_text("Anna Example,anna,pc-7,29.11.2026 09:12,file:///home/anna/profile;")
    return made


@pytest.mark.parametrize("program", ["Excel", "LibreOffice"])
def test_a_workbook_that_somebody_has_open_is_left_alone(program: str, tmp_path: Path) -> None:
    path = excel.write(FRAME.head(5), tmp_path / "r.xlsx").path
    owner = owner_file(path, program)
    for rows in (6, 7):
        written = excel.write(FRAME.head(rows), path)
        assert written.path == tmp_path / "r (2).xlsx"
        assert written.notes == (f"r.xlsx is open in {program} (Anna Example); the new file is r (2).xlsx",)
        assert len(excel.read(written.path)) == rows
    assert len(excel.read(path)) == 5
    owner.unlink()
    assert excel.write(FRAME.head(8), path).path == path


def test_a_copy_with_new_rows_replaces_no_earlier_one(tmp_path: Path) -> None:
    path = excel.write(FRAME.head(5), tmp_path / "r.xlsx").path
    owner_file(path, "Excel")
    first = excel.write(FRAME.head(1), path, mode="append")
    second = excel.write(FRAME.head(2), path, mode="append")
    assert [first.path.name, second.path.name] == ["r (2).xlsx", "r (3).xlsx"]
    assert [len(excel.read(written.path)) for written in (first, second)] == [6, 7]


def test_an_owner_file_that_nobody_may_read_counts(tmp_path: Path) -> None:
    path = excel.write(FRAME.head(5), tmp_path / "r.xlsx").path
    (tmp_path / "~$r.xlsx").write_bytes(b"")
    assert excel.write(FRAME.head(1), path).notes == ("r.xlsx is open in Excel; the new file is r (2).xlsx",)


def test_warnings_are_in_the_result_and_reach_the_listener(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"Key": ["A"]}), tmp_path / "r.xlsx").path
    with context.use(Listener()) as listener:
        written = excel.write(pd.DataFrame({"Key": ["B"], "New": [1]}), path, mode="append")
    (note,) = written.notes
    assert "has no header for New" in note
    assert ("log", note) in listener.told


def test_the_first_run_counts_its_rows_as_added(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A", "B"]})
    for mode, key in (("append", None), ("upsert", "Key")):
        first = excel.write(frame, tmp_path / f"{mode}.xlsx", mode=mode, key=key)
        assert (first.added, first.updated) == (2, 0)
    assert excel.write(frame, tmp_path / "r.xlsx").added == 0
    again = excel.write(frame, tmp_path / "append.xlsx", mode="append")
    assert (again.added, again.updated) == (2, 0)


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_second_run_never_fails_where_the_first_worked(mode: Any, tmp_path: Path) -> None:
    key = "Key" if mode == "upsert" else None
    frame = pd.DataFrame({"Key": ["A", "B"], "Points": [1, 2]})
    for _ in range(3):
        excel.write(frame, tmp_path / "r.xlsx", mode=mode, key=key, summary=True, totals=True)
    assert excel.read(tmp_path / "r.xlsx")["Points"].sum() == (3 if key else 9)


def test_sheets_that_a_new_workbook_does_not_have_are_named(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    frame = pd.DataFrame({"Key": ["A-1"]})
    assert excel.write(frame, path, sheet="2026-11-28").notes == ()
    assert excel.write(frame, path, sheet="2026-11-28").notes == ()
    (note,) = excel.write(frame, path, sheet="2026-11-29").notes
    assert note == "book.xlsx was replaced without its sheets '2026-11-28': mode=\"append\" keeps them"
    again = excel.write(frame, path, sheet="2026-11-30", mode="append")
    assert (again.notes, sorted(excel.read_all(path))) == ((), ["2026-11-29", "2026-11-30"])
    several = {f"sheet {number}": frame for number in range(7)}
    excel.write(several, path)
    (note,) = excel.write(frame, path, sheet="one").notes
    assert "'sheet 2', 'sheet 3' and 3 more" in note


def test_what_is_no_workbook_is_replaced_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"no workbook")
    assert excel.write(pd.DataFrame({"Key": ["A-1"]}), path).notes == ()
