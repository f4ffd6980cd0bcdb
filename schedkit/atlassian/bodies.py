"""The bodies of answers in memory: few at once, unpacked and decoded one by one, and their memory returned.

Sixteen pages of a search that arrive together weigh 45 MB before the first of them is decoded. And what
malloc frees in a worker thread stays in that thread's heap: after 20,000 issues 50 MB were held for nothing.
So bodies wait for room before they are read, lie in pages that malloc does not know of, and are decoded in
one thread.
"""

from __future__ import annotations

import mmap
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from schedkit.atlassian.unpacking import OversizeError, bounded, unpacked
from schedkit.values.forks import register_fork_hook
from schedkit.values.limits import MAX_ANSWER_BYTES, unpacked_limit

__all__ = ["Decoder", "Memory", "Room", "opened"]

T = TypeVar("T")

# Below what malloc maps, and then keeps twice of, in the heap of every reading thread.
PIECE = 120 * 1024
# Three plain pages of 1000 issues with the default fields: they keep a line of 50 Mbit/s busy 150 ms away.
# Of pages with all fields, of 7 MB, one is decoded while another arrives. Compressed pages, which are eight
# times smaller, need not wait at all.
MOST = 8 * 1024 * 1024
# The assumed size of a body without a Content-Length.
UNTOLD = MOST // 8
# Over a slow line, the site would hang up on those that wait longer.
PATIENCE = 5.0


class Memory:
    """Bytes in pages of their own, which can be filled again, and which `close` returns to the system.

    `weight` is how many there have been.
    """

    def __init__(self) -> None:
        self.weight = 0
        self._pages = _mapped(PIECE)
        self._view = memoryview(b"")

    def fill(self, pieces: Iterable[bytes], expected: int = 0) -> memoryview:
        """Take the pieces; returns them as one, readable until `fill` or `close`."""
        if expected > len(self._pages) or not self._released():
            self.close()
            # Pages that nothing is written to cost nothing.
            self._pages = _mapped(max(expected, PIECE))
        self._pages.seek(0)
        size = 0
        for piece in pieces:
            if size + len(piece) > len(self._pages):
                self._grow(size, 2 * (size + len(piece)))
            size += self._pages.write(piece)
        self.weight = max(self.weight, size)
        self._view = memoryview(self._pages)[:size]
        return self._view

    def _grow(self, used: int, wanted: int) -> None:
        # Not every system can move what is mapped.
        grown = _mapped(wanted)
        with memoryview(self._pages) as old:
            grown.write(old[:used])
        self.close()
        self._pages = grown

    def _released(self) -> bool:
        """End the view that was lent; returns whether nothing that was made of it needs the bytes."""
        try:
            self._view.release()
        except BufferError:
            return False
        return True

    def close(self) -> None:
        """Give the pages back, now or with the last view of a part, as the traceback of a failure has one."""
        self._released()
        with suppress(BufferError):
            self._pages.close()


class Room:
    """Lends memory to bodies as long as they fit; one that is larger than all the room comes in alone.

    Parameters
    ----------
    most : int
        Bytes; two bodies, of which neither is larger than this, fit always.
    patience : float
        Seconds after which a body comes in anyway.
    """

    def __init__(self, most: int, patience: float) -> None:
        self.most = most
        self.patience = patience
        self.held = 0
        self.bodies = 0
        self.lent = 0
        self._spare: dict[str, list[Memory]] = {}
        self._left = threading.Condition()

    @contextmanager
    def take(self, size: int, shelf: str = "arrived") -> Iterator[Memory]:
        """Wait for room, and yield memory for the ``with`` block; a size of 0 does not wait.

        Memory goes back to its shelf, so that only as much of it becomes large as holds large bodies.
        """
        with self._left:
            self._left.wait_for(lambda: not size or self._fits(size), self.patience)
            self.held += size
            self.bodies += bool(size)
            self.lent += 1
            spare = self._spare.setdefault(shelf, [])
            # Pages that were used already need not be made, and zeroed, by the system again.
            memory = spare.pop() if spare else Memory()
        try:
            yield memory
        finally:
            with self._left:
                self.held -= size
                self.bodies -= bool(size)
                self.lent -= 1
                if memory.weight <= self.most:
                    self._spare[shelf].append(memory)
                else:
                    memory.close()
                if not self.lent:
                    for memory in (m for spare in self._spare.values() for m in spare):
                        memory.close()
                    self._spare.clear()
                self._left.notify_all()

    def _fits(self, size: int) -> bool:
        # One body is decoded while the next arrives, also where the two are more than the room.
        second = self.bodies == 1 and max(self.held, size) <= self.most
        return not self.held or second or self.held + size <= self.most


class Decoder:
    """One thread that decodes for all.

    Decoding holds the interpreter anyway: more at once only costs memory, and turns. And what is kept of the
    bodies lies in the heap of this one thread, where it fits into what decoding has left. It is no executor:
    those end before the threads do that a script has left running.
    """

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._started = False

    def call(self, work: Callable[[], T]) -> T:
        """Return, or raise, what `work` does in the thread."""
        with self._starting:
            if not self._started:
                threading.Thread(target=self._run, name="schedkit-decode", daemon=True).start()
                self._started = True
        done: Future[T] = Future()

        def task() -> None:
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        self._tasks.put(task)
        return done.result()

    def _run(self) -> None:
        while True:
            # Nothing of a task is held while there is none.
            self._tasks.get()()


def opened(raw: Any, use: Callable[[memoryview], T]) -> T:
    """Read an answer of urllib3 and return what `use` makes of its body, which it is lent unpacked.

    Raises
    ------
    HTTPError
        urllib3's, if the body breaks off.
    OversizeError, EOFError, zlib.error
        If the body is larger than `values.limits` allows, or cannot be unpacked.
    """
    told = raw.length_remaining
    if told is not None and told > MAX_ANSWER_BYTES:
        raise OversizeError(f"answers {told:,} bytes")
    with room.take(UNTOLD if told is None else told) as memory:
        body = memory.fill(bounded(iter(lambda: raw.read(PIECE, decode_content=False), b"")), told or 0)
        encoding = raw.headers.get("Content-Encoding")
        return decoder.call(lambda: _used(body, encoding, use))


def _used(body: memoryview, encoding: str | None, use: Callable[[memoryview], T]) -> T:
    if not encoding or not body:
        return use(body)
    with room.take(0, "unpacked") as plain:
        expected = min(16 * len(body), unpacked_limit(len(body)))
        return use(plain.fill(unpacked(body, encoding, PIECE), expected))


def _mapped(size: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    return mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


room = Room(MOST, PATIENCE)
decoder = Decoder()


def _forget_after_fork() -> None:
    # The thread, and those that hold room, are not in the child.
    global room, decoder
    room, decoder = Room(MOST, PATIENCE), Decoder()


register_fork_hook(_forget_after_fork)
