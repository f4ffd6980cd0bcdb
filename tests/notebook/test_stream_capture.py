"""Lines that our threads print go to the log of their run."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable

import pytest

from schedkit import context
from schedkit.errors import StopRequested
from schedkit.notebook.stream_capture import CapturedStream


class Listener(context.Surroundings):
    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def log(self, level: int, message: str) -> None:
        self.lines.append((level, message))


class Stopping(context.Surroundings):
    def log(self, level: int, message: str) -> None:
        raise StopRequested("stop")


@pytest.fixture
def cell() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def stream(cell: io.StringIO) -> CapturedStream:
    return CapturedStream(cell, logging.INFO)


def on_thread(name: str, work: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()
    assert failures == []


def test_a_run_has_its_lines_whole(cell: io.StringIO, stream: CapturedStream) -> None:
    listener, other = Listener(), Listener()

    def work() -> None:
        with context.use(listener):
            stream.write("one ")
        with context.use(other):
            stream.write("another's\n\n")
        with context.use(listener):
            assert stream.write("line\nand 10 %\rand 90 %") == len("line\nand 10 %\rand 90 %")
            stream.write("\rand 100 %\n")

    on_thread("schedkit-task-1", work)
    assert listener.lines == [(logging.INFO, "one line"), (logging.INFO, "and 100 %")]
    assert other.lines == [(logging.INFO, "another's")]
    assert cell.getvalue() == ""


def test_a_stop_is_not_raised_from_a_print(stream: CapturedStream) -> None:
    def work() -> None:
        with context.use(Stopping()):
            stream.write("late\n")

    on_thread("schedkit-task-1", work)


def test_output_of_no_run_is_dropped_and_a_cell_keeps_its_own(
    cell: io.StringIO, stream: CapturedStream
) -> None:
    on_thread("schedkit-events", lambda: stream.write("a listener failed\n"))
    on_thread("a user's thread", lambda: stream.write("mine\n"))
    stream.write("too\n")
    assert cell.getvalue() == "mine\ntoo\n"
    assert stream.seekable()  # the rest is the stream's own
