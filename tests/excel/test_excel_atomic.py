"""An existing file is replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest

from schedkit import context, excel
from schedkit.errors import StopRequested, WorkbookError
from schedkit.excel.atomic import replace_whole, sweep

FRAME = pd.DataFrame({"a": range(20_000), "b": "x"})
HOST = f"{zlib.crc32(platform.node().encode()):08x}"


class Listener(context.Surroundings):
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
    assert str(written).startswith("20,000 rows in ")


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
    with pytest.raises(WorkbookError, match="cannot be replaced, nor can a file be put beside it"):
        excel.write(FRAME.head(1), tmp_path / "r.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkbookError, match=r"cannot write in the folder .*file"):
        excel.write(FRAME.head(1), tmp_path / "file" / "r.xlsx")


def leftover(folder: Path, host: str, pid: int) -> Path:
    path = folder / f".r [1].xlsx.{host}-{pid}-abcd.schedkit-part"
    path.write_bytes(b"half")
    return path


def test_leftovers_of_killed_writers_are_swept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = leftover(tmp_path, HOST, ended.pid)
    alive = leftover(tmp_path, HOST, os.getpid())
    elsewhere = leftover(tmp_path, "00000000", ended.pid)
    now = dead.stat().st_mtime
    assert sweep(tmp_path / "r [1].xlsx", now) == [dead]
    assert sorted(tmp_path.iterdir()) == sorted([alive, elsewhere])
    assert len(sweep(tmp_path / "r [1].xlsx", now + 86_401)) == 2
    excel.write(FRAME.head(1), tmp_path / "r [1].xlsx")
    assert [file.name for file in tmp_path.iterdir()] == ["r [1].xlsx"]


def test_the_new_file_is_on_the_disk_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync: Callable[[int], None] = os.fsync
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b))[1])

    def fill(file: IO[bytes]) -> None:
        order.append("fill")
        file.write(b"new")

    assert replace_whole(tmp_path / "r.xlsx", fill).read_bytes() == b"new"
    assert order == ["fill", "sync", "replace", "sync"]
