"""The program of a child process: it makes the calls that it reads from standard input."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cloudpickle

from schedkit.core.execution.child_output import say_end
from schedkit.core.execution.log_capture import streams_are_captured
from schedkit.core.execution.messages import KEPT, STOP, heard_in, receive, send
from schedkit.core.execution.remote_call import RemoteContext, answer

__all__ = ["HOME_LOST", "READY", "serve"]

# How often a call that depends on the lease of its home looks whether that is over.
LOOK_SECONDS = 0.05
# The exit code of a process whose home was not heard for too long.
HOME_LOST = 75
# The first message of a process, which has taken a second to start on a busy machine.
READY = "ready"


def serve() -> None:
    """Make calls until standard input is closed."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a task prints must not run into the answers, nor what it reads take away calls.
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # these are text files
    streams_are_captured()  # the parent reads them
    incoming: list[bytes] = []
    arrived = threading.Condition()
    current: list[RemoteContext] = []
    sending = threading.Lock()

    def tell(kind: str, content: Any) -> None:
        payload = cloudpickle.dumps((kind, content))
        with sending:
            send(answers, payload)

    watches = iter([threading.Thread(target=_watch, args=(current,), daemon=True)])

    def depend() -> None:
        for watch in watches:  # once
            watch.start()

    def listen() -> None:
        while True:
            try:
                message = receive(calls)
            except EOFError:
                if current:
                    _end_others()
                os._exit(0)
            if message == STOP:
                for run in current:
                    run.stop()
                continue
            if message == KEPT:
                for run in current:
                    run.kept()
                continue
            if (heard := heard_in(message)) is not None:
                for run in current:
                    run.heard(heard)
                continue
            with arrived:
                current[:] = [RemoteContext(tell, depend)]
                incoming.append(message)
                arrived.notify()

    tell(READY, None)
    threading.Thread(target=listen, daemon=True).start()
    while True:
        with arrived:
            while not incoming:
                arrived.wait()
            packed, run = incoming.pop(), current[0]
        ended = answer(packed, run)
        current.clear()
        if run.lost:  # how it ended is not what its code would have done otherwise
            _end_others()
            os._exit(HOME_LOST)
        say_end()
        tell("ended", ended)


def _watch(current: Sequence[RemoteContext]) -> None:
    """Stop a call whose home is not heard any more, and end this process if it continues.

    The parent of this process would do so too, but may be suspended itself.
    """
    while True:
        time.sleep(LOOK_SECONDS)
        for run in tuple(current):
            lease, now = run.lease, time.monotonic()
            if lease is not None and lease.kills(now):
                _end_others()
                os._exit(HOME_LOST)
            run.should_stop()


def _end_others() -> None:
    """End the processes that the code of a call has started, where they can be seen: on Linux."""
    if os.name != "posix" or os.getpgrp() != os.getpid():  # others may be in its group
        return
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            group = path.joinpath("stat").read_bytes().rpartition(b")")[2].split()[2]
            if int(group) == os.getpgrp() and int(path.name) != os.getpid():
                os.kill(int(path.name), signal.SIGKILL)
