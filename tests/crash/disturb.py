"""What may trouble a ledger's store while the process that writes it is killed again and again.

A disturbance says where the ledger lies, troubles it now and then from a thread of its own, and has put
everything right when its block ends.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crash.killable import FULL
from support.postgres_server import kill, postgres_server, revive

__all__ = ["DISTURBANCES", "Disturbed"]

# Between troubles and in them, in seconds.
QUIET = (0.3, 1.5)
TROUBLED = (0.3, 3.0)
TMPFS_BYTES = 256 * 1024 * 1024


@dataclass
class Disturbed:
    """A ledger and what troubles it.

    Attributes
    ----------
    ledger : str
        Where it is.
    times : int
        How often it was troubled.
    """

    ledger: str
    trouble: Callable[[], AbstractContextManager[None]] | None = None
    times: int = 0
    _now: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self, seed: int) -> Iterator[None]:
        """Trouble the store now and then until the block ends; whatever goes wrong in it is raised."""
        if self.trouble is None:
            yield
            return
        ended: Future[None] = Future()

        def work() -> None:
            try:
                self._work(random.Random(seed))
            except BaseException as error:
                ended.set_exception(error)
            else:
                ended.set_result(None)

        threading.Thread(target=work, name="disturbance", daemon=True).start()
        try:
            yield
        finally:
            self._over.set()
            ended.result(60)

    @property
    def now(self) -> bool:
        """Whether it is troubled at this moment."""
        return self._now.is_set()

    def wait(self) -> None:
        """Return when the store is troubled, at once where nothing troubles it."""
        assert self.trouble is None or self._now.wait(60), "the store is left in peace"

    def _work(self, chance: random.Random) -> None:
        assert self.trouble is not None
        while not self._over.wait(chance.uniform(*QUIET)):
            with self.trouble():
                self.times += 1
                self._now.set()
                self._over.wait(chance.uniform(*TROUBLED))
                self._now.clear()


@contextmanager
def nothing(folder: Path) -> Iterator[Disturbed]:
    """Only kills."""
    yield Disturbed(str(folder / "ledger.db"))


@contextmanager
def locked(folder: Path) -> Iterator[Disturbed]:
    """This process, which is not the one that writes the ledger, holds the write lock for seconds."""
    ledger = folder / "ledger.db"

    @contextmanager
    def trouble() -> Iterator[None]:
        connection = sqlite3.connect(ledger, isolation_level=None, timeout=60)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    yield Disturbed(str(ledger), trouble)


@contextmanager
def full(folder: Path) -> Iterator[Disturbed]:
    """The ledger and its results lie on a small disk that is filled to its last byte; where none can be
    mounted, see `faulty`."""
    disk = folder / "disk"
    disk.mkdir()
    if not _mounted(disk):
        with faulty(folder) as disturbed:
            yield disturbed
        return
    filler = disk / "filler"

    @contextmanager
    def trouble() -> Iterator[None]:
        stop = threading.Event()
        # What the ledger frees (a log that starts anew) is taken at once.
        filling = threading.Thread(target=_fill, args=(filler, stop), daemon=True)
        filling.start()
        try:
            yield
        finally:
            stop.set()
            filling.join()
            filler.unlink()

    try:
        yield Disturbed(str(disk / "ledger.db"), trouble)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _mounted(disk: Path) -> bool:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return False
    options = ["-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "none", str(disk)]
    return subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0


def _fill(filler: Path, stop: threading.Event) -> None:
    bite = 1024 * 1024
    with open(filler, "wb", buffering=0) as out:
        while not stop.is_set():
            try:
                out.write(b"\0" * bite)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                if bite > 1:
                    bite //= 2
                else:
                    bite = 4096
                    stop.wait(0.02)


@contextmanager
def faulty(folder: Path) -> Iterator[Disturbed]:
    """Every write of the killed program's connection is answered with "database or disk is full"."""
    ledger = folder / "ledger.db"
    flag = folder / (ledger.name + FULL)

    @contextmanager
    def trouble() -> Iterator[None]:
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()

    yield Disturbed(str(ledger), trouble)


@contextmanager
def restarted(folder: Path) -> Iterator[Disturbed]:
    """The ledger is on PostgreSQL, whose server is killed with -9 and started again."""
    with postgres_server() as server:

        @contextmanager
        def trouble() -> Iterator[None]:
            kill(server)
            try:
                yield
            finally:
                revive(server)

        yield Disturbed(server.get_uri(), trouble)


DISTURBANCES: dict[str, Callable[[Path], AbstractContextManager[Disturbed]]] = {
    "nothing": nothing,
    "locked": locked,
    "full": full,
    "faulty": faulty,
    "restarted": restarted,
}
