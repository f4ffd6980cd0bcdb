"""The way to a call in a worker: who may use it, and what happens where there is none."""

from __future__ import annotations

import contextlib
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import cloudpickle
import pytest
from support.run_events import RunEvents

from schedkit import context
from schedkit.core import events
from schedkit.core.execution.attempt import Ending, Execution
from schedkit.core.execution.executors import Executors
from schedkit.core.execution.messages import receive, send
from schedkit.core.execution.remote_call import pack, value_of
from schedkit.core.execution.results import Results
from schedkit.core.execution.run_context import RunContext
from schedkit.core.execution.threads import Threads
from schedkit.core.execution.worker_channel import Channels, call_in_worker
from schedkit.core.states import Outcome
from schedkit.core.tasks.declare import declare
from schedkit.errors import StopRequested


@pytest.fixture
def channels() -> Iterator[Channels]:
    threads = Threads("test")
    channels = Channels(threads)
    yield channels
    channels.stop()
    threads.stop()


def a_run(heard: list[events.Event]) -> RunContext:
    return RunContext(RunEvents().started("r").after, heard.append)


def tells() -> str:
    for done in range(3):
        context.progress("rows", done, 3)
        context.progress("pages", done)
        context.log(f"row {done}")
    return "told"


def test_what_a_worker_tells_that_reaches_nobody_comes_with_its_value(tmp_path: Path) -> None:
    packed = pack(tells, {}, a_run([]))
    for address in (None, (str(tmp_path / "elsewhere"), b"token")):
        ended, told = cloudpickle.loads(call_in_worker(packed, address))
        assert value_of(ended) == "told"
        assert told == [
            ("log", (20, "row 0")),
            ("log", (20, "row 1")),
            ("progress", ("rows", 2, 3)),
            ("progress", ("pages", 2, None)),
            ("log", (20, "row 2")),
        ]


def test_a_socket_that_nobody_listens_at(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    ended, told = cloudpickle.loads(call_in_worker(pack(tells, {}, a_run([])), (path, b"token")))
    assert (value_of(ended), len(told)) == ("told", 5)


def test_a_call_is_heard_and_its_socket_is_this_users(channels: Channels) -> None:
    heard: list[events.Event] = []
    run = a_run(heard)
    channel = channels.open()
    address = channel.listen(run)
    assert address is not None
    assert stat.S_IMODE(Path(address[0]).parent.stat().st_mode) == 0o700
    ended, told = cloudpickle.loads(call_in_worker(pack(tells, {}, run), address))
    channel.wait_for_end()
    channel.close()
    assert (value_of(ended), told) == ("told", None)
    assert [event.message for event in heard if isinstance(event, events.RunLogged)] == [
        "row 0",
        "row 1",
        "row 2",
    ]
    channels.stop()
    assert not Path(address[0]).parent.exists()


def test_a_stranger_is_not_heard(channels: Channels, tmp_path: Path) -> None:
    heard: list[events.Event] = []
    address = channels.open().listen(a_run(heard))
    assert address is not None
    words = BytesIO()
    send(words, b"some token")
    send(words, cloudpickle.dumps(("log", (20, "let me in"))))
    with socket.socket(socket.AF_UNIX) as stranger, stranger.makefile("rb") as incoming:
        stranger.connect(address[0])
        stranger.sendall(words.getvalue())
        with pytest.raises((EOFError, ConnectionError)):
            receive(incoming)
    assert not heard


def waits_for_a_stop() -> str:
    stopped = threading.Event()
    context.current().on_stop(stopped.set)
    with contextlib.suppress(StopRequested):
        context.log("waits")
    return "stopped" if stopped.wait(60) and context.should_stop() else "forgotten"


def test_the_end_of_the_scheduler_is_a_stop(tmp_path: Path) -> None:
    """Another process may run the task again: what is left of this run must not go on."""
    path = str(tmp_path / "socket")
    answered: SimpleQueue[Any] = SimpleQueue()
    packed = pack(waits_for_a_stop, {}, a_run([]))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        call = threading.Thread(target=lambda: answered.put(call_in_worker(packed, (path, b"token"))))
        call.start()
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as incoming:
            assert receive(incoming) == b"token"
            assert cloudpickle.loads(receive(incoming)) == ("log", (20, "waits"))
    ended, told = cloudpickle.loads(answered.get(timeout=60))
    call.join()
    assert (value_of(ended), told) == ("stopped", None)


def test_no_socket_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    endings: SimpleQueue[Ending] = SimpleQueue()
    heard: list[events.Event] = []
    executors = Executors(Results(tmp_path), lambda *blocked: None, 1.0)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        task = declare(tells, name="t", runs_in=pool)
        attempt = Execution(
            RunEvents().started("r", "t").after, task, a_run(heard), 0, lambda _, ending: endings.put(ending)
        )
        executors.start(attempt)
        ending = endings.get(timeout=60)
    executors.stop()
    assert (ending.outcome, ending.value) == (Outcome.DONE, "told")
    assert [type(event).__name__ for event in heard].count("RunLogged") == 3
