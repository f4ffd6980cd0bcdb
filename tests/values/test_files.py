"""A file is replaced whole or not at all, and two writers of one file wait for each other."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schedkit.errors import FileError
from schedkit.values.files import file_error, file_lock, replacing, sweep


def write(path: Path, content: bytes = b"new", **options: bool) -> Path:
    with replacing(path, **options) as replacement:
        replacement.file.write(content)
    return replacement.path


def test_a_new_file_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "f"
    assert write(path) == path
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["f"]


@pytest.mark.parametrize("failure", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fill() -> None:
        with replacing(path) as replacement:
            replacement.file.write(b"half")
            raise failure

    with pytest.raises(type(failure)):
        fill()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"f": b"old"}


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are POSIX")
def test_a_link_is_followed_and_the_mode_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert write(link) == real
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_a_new_file_has_the_mode_asked_for(tmp_path: Path) -> None:
    with replacing(tmp_path / "private", mode=0o600):
        pass
    write(tmp_path / "usual")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root may give files away")
def test_the_group_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    os.chown(path, -1, 4242)
    write(path)
    assert path.stat().st_gid == 4242


def refusing(names: set[str]) -> Callable[[Path, Path], None]:
    """What Windows answers while another program holds one of these files."""
    replace = os.replace

    def windows(source: Path, target: Path) -> None:
        if Path(target).name in names:
            raise PermissionError(errno.EACCES, "Access is denied", str(target))
        replace(source, target)

    return windows


def test_an_open_target_gets_the_new_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.xlsx"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", refusing({"f.xlsx", "f (2).xlsx"}))
    assert write(path, aside=True) == tmp_path / "f (3).xlsx"
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_open_target_without_leave_to_stand_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", refusing({"f"}))
    with pytest.raises(FileError, match=r"cannot write .*f: permission denied"):
        write(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_no_place_beside_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", refusing({"f", *(f"f ({n})" for n in range(100))}))
    with pytest.raises(FileError, match=r"cannot replace .*, or write a file beside it"):
        write(tmp_path / "f", aside=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".", "is not a file"),
        ("file/inner", "a part of its path is not a folder"),
        ("n" * 300, "the name is too long"),
        ("a\0b", "null"),
    ],
)
def test_an_impossible_place_is_one_sentence(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match=why) as refused:
        write(Path(f"{tmp_path}/{name}"))
    assert "\n" not in str(refused.value)


def test_a_long_name_still_has_room_for_its_part(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250)
    write(path)
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fill() -> None:
        with replacing(path), open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(FileError, match=r"the disk is full \(free some space"):
        fill()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"f": b"old"}


def test_the_new_file_is_on_the_disk_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync: Callable[[int], None] = os.fsync
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b))[1])
    write(tmp_path / "f")
    assert order == ["sync", "replace", "sync"]


# Writes half of a file, says so, and waits to be killed.
WRITER = """
import sys
from schedkit.values.files import replacing
with replacing(sys.argv[1]) as replacement:
    replacement.file.write(b"half")
    replacement.file.flush()
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_what_a_killed_writer_left_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "f [1].xlsx"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        (part,) = tmp_path.iterdir()
        now = part.stat().st_mtime
        assert sweep(path, now) == []
        writer.kill()
        writer.wait()
        assert sweep(path, now) == [part]
    assert list(tmp_path.iterdir()) == []


def test_another_machines_leftover_goes_after_a_day(tmp_path: Path) -> None:
    path = tmp_path / "f"
    part = tmp_path / ".f.00000000-abcd.schedkit-part"
    strange = tmp_path / ".f.foo.schedkit-part"
    part.write_bytes(b"half")
    strange.write_bytes(b"?")
    now = max(part.stat().st_mtime, strange.stat().st_mtime)
    assert sweep(path, now) == []
    assert set(sweep(path, now + 86_500)) == {part, strange}


# Adds 1 to the number in a file, 20 times, each under the lock.
COUNTER = """
import sys
from pathlib import Path
from schedkit.values.files import file_lock, replacing
path = Path(sys.argv[1])
for _ in range(20):
    with file_lock(path):
        number = int(path.read_text())
        with replacing(path) as replacement:
            replacement.file.write(str(number + 1).encode())
"""


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")
    writers = [subprocess.Popen([sys.executable, "-c", COUNTER, str(path)]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert path.read_text() == "40"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_file_that_is_removed_each_time_still_excludes(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")

    def count(_: int) -> None:
        with file_lock(path):
            path.write_text(str(int(path.read_text()) + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(200)))
    assert path.read_text() == "200"
    assert list(tmp_path.iterdir()) == [path]


def test_a_fresh_name_beside_replaces_no_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.txt"
    path.write_text("open elsewhere")
    replace = os.replace

    def windows(source: Path, target: Path) -> None:
        if target == path:
            raise PermissionError(errno.EACCES, "Access is denied", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", windows)
    names = []
    for aside in (True, True, "fresh", "fresh"):
        with replacing(path, aside=aside) as new:
            new.file.write(b"x")
        names.append(new.path.name)
    assert names == ["f (2).txt", "f (2).txt", "f (3).txt", "f (4).txt"]


def test_a_lock_is_waited_for_only_so_long(tmp_path: Path) -> None:
    path = tmp_path / "f"
    refused = pytest.raises(FileError, match=r"has been writing .*f for 0\.01 s")
    with file_lock(path), refused, file_lock(path, patience=0.01):
        pytest.fail("the lock was held already")
    with file_lock(path, patience=0.01):
        pass


def test_a_lock_in_an_impossible_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="not a folder"), file_lock(tmp_path / "file" / "inner"):
        pytest.fail("there is no such place")


@pytest.mark.parametrize(
    ("problem", "doing", "message"),
    [
        (
            PermissionError(errno.EACCES, "x"),
            "read",
            "cannot read p: permission denied (ask for the permission",
        ),
        (OSError(errno.EIO, "Input/output error"), "write", "cannot write p: Input/output error"),
        (ValueError("embedded null byte"), "write", "cannot write p: embedded null byte"),
        (FileError("already said"), "write", "already said"),
    ],
)
def test_what_the_system_said_becomes_ours(problem: BaseException, doing: str, message: str) -> None:
    assert str(file_error(problem, "p", doing)).startswith(message)
