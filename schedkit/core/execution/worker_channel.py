"""The connection of this process with a call in a worker process of an executor on the same machine.

Messages of the call come back at once, and a stop reaches it: an executor itself offers neither. A worker
connects to a socket in a folder that only this user may enter, and names its call by a token. A worker that
cannot connect, as on another machine, records its messages, which travel back with the value.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import cloudpickle

from schedkit.core.execution.log_capture import capture_logging
from schedkit.core.execution.messages import KEPT, STOP, receive, send
from schedkit.core.execution.remote_call import RecordingContext, RemoteContext, answer, pass_on
from schedkit.core.execution.run_context import RunContext
from schedkit.core.execution.threads import Threads

__all__ = ["Channel", "Channels", "call_in_worker"]

_log = logging.getLogger("schedkit")

# How long the last of what a call has told may take to arrive after its value.
PATIENCE_SECONDS = 5.0
# The path of the socket, and the token of a call.
Address = tuple[str, bytes]


class Channels:
    """The socket, made at first use, and the calls that are expected or connected."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._calls: dict[bytes, Channel] = {}
        self._socket: socket.socket | None = None
        self._folder: str | None = None

    def open(self) -> Channel:
        """Return the channel of one call."""
        return Channel(self)

    def expect(self, channel: Channel) -> Address | None:
        """Return where a worker reaches a channel; None if there can be no socket."""
        token = secrets.token_bytes(16)
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.mkdtemp(prefix="schedkit-")
                self._socket = _listening(f"{self._folder}/workers")
                if self._socket is not None:
                    self._threads.submit(partial(self._accept, self._socket))
            if self._socket is None:
                return None
            self._calls[token] = channel
        return f"{self._folder}/workers", token

    def forget(self, token: bytes) -> None:
        """Expect a call no more."""
        with self._lock:
            self._calls.pop(token, None)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # it was closed
                return
            self._threads.submit(partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        with (
            contextlib.suppress(EOFError, OSError),
            connection,
            connection.makefile("rb") as incoming,
            connection.makefile("wb") as outgoing,
        ):
            channel = self._calls.get(receive(incoming))
            if channel is not None:
                channel.serve(incoming, outgoing)

    def stop(self) -> None:
        """Close the socket."""
        with self._lock:
            listener, folder, self._socket, self._folder = self._socket, self._folder, None, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # which ends the wait in `accept`
            listener.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _listening(path: str) -> socket.socket | None:
    listener = None
    try:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
    except (AttributeError, OSError) as error:  # not on this platform, or the path is too long
        _log.info("progress of workers is shown only at their end: no socket at %s: %s", path, error)
        if listener is not None:
            listener.close()
        return None
    return listener


class Channel:
    """This process's end of the connection with one call."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._lock = threading.Lock()
        self._run: RunContext | None = None
        self._begins: Callable[[], object] = lambda: None
        self._token = b""
        self._outgoing: IO[bytes] | None = None
        self._stopping = False
        self._ended = threading.Event()

    def listen(self, run: RunContext, begins: Callable[[], object] = lambda: None) -> Address | None:
        """Pass on to `run` what the call will tell, and that it begins; return what the worker needs."""
        self._run, self._begins = run, begins
        address = self._channels.expect(self)
        if address is not None:
            self._token = address[1]
        return address

    def serve(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        """Pass on what a connected worker tells, until it has told everything."""
        assert self._run is not None
        with self._lock:
            self._outgoing = outgoing
            self._begins()
            if self._stopping:
                send(outgoing, STOP)
        try:
            while True:
                kind, content = cloudpickle.loads(receive(incoming))
                pass_on(self._run, kind, content)
                if kind == "delivered":
                    with self._lock:
                        send(outgoing, KEPT)
        finally:
            with self._lock:
                self._outgoing = None
            self._ended.set()

    def stop(self) -> bool:
        """Ask the call to stop; tell whether it is connected, and so has begun."""
        with self._lock:
            self._stopping = True
            if self._outgoing is None:
                return False
            with contextlib.suppress(OSError):
                send(self._outgoing, STOP)
        return True

    def wait_for_end(self) -> None:
        """Wait until everything that the call has told was passed on."""
        if not self._ended.wait(PATIENCE_SECONDS):
            _log.warning("messages of a worker are missing: its connection did not end")

    def close(self) -> None:
        """Expect the call no more."""
        self._channels.forget(self._token)


# In the worker


def call_in_worker(packed: bytes, address: Address | None) -> bytes:
    """Make a packed call; return how it ended and, unless that was told live, what it told, packed too.

    It raises nothing: an exception that cannot be made again would break the executor it goes through.
    """
    capture_logging()
    connection = _connection(address)
    told: list[Any] | None = None
    if connection is None:
        recording = RecordingContext()
        ended, told = answer(packed, recording), recording.told
    else:
        with _live_context(connection) as run:
            ended = answer(packed, run)
    returned: bytes = cloudpickle.dumps((ended, told))
    return returned


def _connection(address: Address | None) -> socket.socket | None:
    if address is None or not Path(address[0]).exists():  # the scheduler is on another machine
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address[0])
        with connection.makefile("wb") as outgoing:
            send(outgoing, address[1])
    except OSError:
        connection.close()
        return None
    return connection


@contextmanager
def _live_context(connection: socket.socket) -> Iterator[RemoteContext]:
    """Yield a context that tells the scheduler's process everything at once, and hears from it of a stop."""
    sending = threading.Lock()
    with connection, connection.makefile("rb") as incoming, connection.makefile("wb") as outgoing:

        def tell(kind: str, content: Any) -> None:
            payload = cloudpickle.dumps((kind, content))
            with sending, contextlib.suppress(OSError):  # the scheduler is gone
                send(outgoing, payload)

        def hear_stop() -> None:
            # The end of the scheduler's process is a stop, too: others may run the task again.
            with contextlib.suppress(EOFError, OSError):
                while receive(incoming) == KEPT:
                    run.kept()
            if not ended.is_set():
                run.stop()

        run, ended = RemoteContext(tell), threading.Event()
        listening = threading.Thread(target=hear_stop, daemon=True)
        listening.start()
        try:
            yield run
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # which ends the wait for a stop
            listening.join()
