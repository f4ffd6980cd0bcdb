"""One writer, at most one publication an interval, answers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from schedkit.notebook.publisher import Publisher


class Watcher:
    def __init__(self, work: Callable[[], None] = lambda: None) -> None:
        self.calls: list[tuple[float, str]] = []
        self.threads: set[threading.Thread] = set()
        self.seen = threading.Semaphore(0)
        self.work = work

    def publish(self) -> None:
        self.calls.append((time.monotonic(), threading.current_thread().name))
        self.threads.add(threading.current_thread())
        self.seen.release()
        self.work()


def test_publishing_happens_on_one_thread_and_not_more_often_than_the_interval() -> None:
    publisher, watcher = Publisher(interval=0.05, idle=60), Watcher()
    begun = time.monotonic()
    publisher.add(watcher)
    publisher.add(watcher)
    while len(watcher.calls) < 5:
        publisher.poke()
        publisher.post(lambda: None)
    publisher.remove(watcher)
    publisher.remove(watcher)
    assert {name for _, name in watcher.calls} == {"schedkit-panels"}
    # The fifth call follows four intervals, however late each of them was.
    assert watcher.calls[4][0] - begun >= 4 * 0.05


def test_a_letter_does_not_wait_for_its_turn() -> None:
    publisher, watcher, arrived = Publisher(interval=30, idle=60), Watcher(), threading.Event()
    publisher.add(watcher)
    assert watcher.seen.acquire(timeout=60)
    publisher.post(arrived.set)
    assert arrived.wait(60)
    assert len(watcher.calls) == 1


def test_without_a_poke_it_looks_once_in_a_while() -> None:
    publisher, watcher = Publisher(interval=0.01, idle=0.02), Watcher()
    publisher.add(watcher)
    for _ in range(3):
        assert watcher.seen.acquire(timeout=60)
    publisher.remove(watcher)


def test_a_failing_watcher_does_not_stop_the_others() -> None:
    def fail() -> None:
        raise RuntimeError("no browser")

    publisher, bad, good = Publisher(interval=0.01, idle=0.02), Watcher(fail), Watcher()
    publisher.add(bad)
    publisher.add(good)
    for _ in range(2):
        assert good.seen.acquire(timeout=60)
    publisher.remove(bad)
    publisher.remove(good)


def test_the_thread_ends_with_its_last_watcher_and_comes_back() -> None:
    publisher, watcher = Publisher(interval=0.01, idle=0.02), Watcher()
    publisher.add(watcher)
    assert watcher.seen.acquire(timeout=60)
    (thread,) = watcher.threads
    publisher.remove(watcher)
    thread.join(60)
    assert not thread.is_alive()
    publisher.add(watcher)
    while watcher.seen.acquire(blocking=False):
        pass
    publisher.poke()
    assert watcher.seen.acquire(timeout=60)
    publisher.remove(watcher)
