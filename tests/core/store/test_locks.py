"""Locks on single bytes of a file: held by one, seen by all, free again with their process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schedkit.core.store.locks import ByteLock, held_elsewhere, lock_byte

HOLDER = """
import sys
from pathlib import Path
from schedkit.core.store.locks import ByteLock
lock = ByteLock(Path(sys.argv[1]), int(sys.argv[2]))
print(lock.take(), flush=True)
sys.stdin.read()
"""


def test_a_byte_is_locked_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "locks"
    first, second, beside = ByteLock(path, 5), ByteLock(path, 5), ByteLock(path, 6)
    assert not held_elsewhere(path, 5), "there is no file"
    assert first.take()
    assert not second.take()
    assert beside.take()
    assert held_elsewhere(path, 5)
    assert not held_elsewhere(path, 7)
    first.release()
    first.release()
    assert not held_elsewhere(path, 5)
    assert second.take()
    second.release()
    beside.release()


def test_who_opens_and_closes_the_file_drops_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "locks"
    lock = ByteLock(path, 5)
    assert lock.take()
    path.read_bytes()
    assert held_elsewhere(path, 5)
    lock.release()


def test_a_lock_of_another_process_is_seen_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "locks"
    command = [sys.executable, "-c", HOLDER, str(path), "5"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"
    assert held_elsewhere(path, 5)
    assert not ByteLock(path, 5).take()
    process.kill()
    process.communicate()
    assert not held_elsewhere(path, 5)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_child_has_none_of_its_parents_locks(tmp_path: Path) -> None:
    lock = ByteLock(tmp_path / "locks", 5)
    assert lock.take()
    child = os.fork()
    if not child:
        lock.release()  # of the child's copy, which is closed already
        os._exit(0)
    os.waitpid(child, 0)
    assert held_elsewhere(tmp_path / "locks", 5)
    lock.release()


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        ByteLock(tmp_path / "locks", 5).take()
    with pytest.raises(OSError, match="Is a directory"):
        held_elsewhere(tmp_path / "locks", 5)


def test_a_file_system_without_locks_is_an_error(tmp_path: Path) -> None:
    def locking(file: int, mode: int, count: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with open(tmp_path / "locks", "ab") as file, pytest.raises(OSError, match="No locks available"):
        lock_byte(file, locking, 2, 0)


def test_windows_locks_from_where_the_file_stands(tmp_path: Path) -> None:
    """Its function takes so many bytes from the file's position, and who appends stands at its end."""
    held: dict[int, int] = {}

    def locking(file: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        if held.setdefault(os.lseek(file, 0, os.SEEK_CUR), file) != file:
            raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "locks"
    path.write_bytes(b"something")
    with open(path, "ab") as first, open(path, "ab") as second:
        assert lock_byte(first, locking, 2, 77)
        assert not lock_byte(second, locking, 2, 77)
        assert lock_byte(second, locking, 2, 78)
    assert list(held) == [77, 78]
