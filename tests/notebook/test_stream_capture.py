"""Lines that our threads print go to the log of their run."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable

import pytest
from support.notebook_shell import Shell

from schedkit import context
from schedkit.errors import StopRequested
from schedkit.notebook.stream_capture import CapturedStream, capture_streams


class Listener(context.ExecutionContext):
    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def log(self, level: int, message: str) -> None:
        self.lines.append((level, message))


class Stopping(context.ExecutionContext):
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


def test_lines_that_belong_to_no_run_are_dropped(
    cell: io.StringIO, stream: CapturedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning that nothing listens to is logged, and logging prints it: neither may come back here."""
    monkeypatch.setattr(sys, "stderr", stream)

    def work() -> None:
        stream.write("a line\n")
        context.log("a warning", logging.WARNING)

    on_thread("schedkit-loop", work)
    assert cell.getvalue() == ""


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


def test_only_the_streams_of_a_kernel_are_captured(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setitem(sys.__dict__, "_schedkit_live", {})
    plain = sys.stdout
    capture_streams()
    assert sys.stdout is plain
    monkeypatch.setattr(shell.shell, "kernel", object(), raising=False)
    capture_streams()
    captured = sys.stdout
    assert isinstance(captured, CapturedStream)
    capture_streams()
    assert sys.stdout is captured, "a second scheduler captures nothing twice"
    on_thread("schedkit-task-1", lambda: print("from a run"))
    print("from the cell")
    assert plain.getvalue() == "from the cell\n"
