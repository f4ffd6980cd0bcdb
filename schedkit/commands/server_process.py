"""The server in a process of its own, beside one that runs tasks.

Requests and schedules in one process share one interpreter: at 500 requests a second the schedules' p99
lateness was 22 to 39 ms with both in one, 6 to 7 ms with two, and 4 ms without any request (two cores).
The process of the tasks does nothing for a request.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time

import msgspec

from schedkit.commands.output import print_line
from schedkit.commands.serve_beside import READY, Instructions
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UnavailableError
from schedkit.server import ServerOptions
from schedkit.server.node_report import node_report
from schedkit.server.serving import DRAIN_SECONDS, address, listen

__all__ = ["ServerProcess"]

START_SECONDS = 120.0
# A process that takes no report for so long, with the channel full of some ten, answers no requests either.
REPORT_SECONDS, CHANNEL_BYTES = 0.5, 16_384
# How long is waited before a server that ended is started again: twice as long after each start.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0


class ServerProcess:
    """A process that serves what this one runs, and is started again if it ends.

    This process keeps the port open: while no server runs, clients wait.

    Parameters
    ----------
    options : ServerOptions
        The address it listens on, and which callers it trusts.
    ledger : str or None
        What it shows, as the command was told.

    Attributes
    ----------
    url : str
        Where it answers.

    Raises
    ------
    SettingsError
        If it cannot listen there.
    """

    def __init__(self, options: ServerOptions, ledger: str | None) -> None:
        self._options, self._ledger = options, ledger
        self._listening = listen(options)
        self.url = address(self._listening)
        self._pause = FIRST_PAUSE_SECONDS
        self._again_at: float | None = None
        self._start()

    def _start(self) -> None:
        self._begun_at, self._again_at = time.monotonic(), None
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(REPORT_SECONDS)
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHANNEL_BYTES)
        inherited = (theirs.fileno(), self._listening.fileno())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "schedkit.commands.serve_beside", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)},
                stdin=subprocess.DEVNULL,
                pass_fds=inherited,
                start_new_session=True,  # Ctrl-C in a terminal is for this process, which ends both
            )
        told = Instructions(ledger=self._ledger, options=self._options, listening=inherited[1])
        self._tell(msgspec.json.encode(told) + b"\n")

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        return self._process.pid

    def ready(self, scheduler: Scheduler) -> None:
        """Let it begin, and wait until it answers.

        Raises
        ------
        UnavailableError
            If it ends, or does not begin.
        """
        self._tell(node_report(scheduler))
        self._channel.settimeout(START_SECONDS)
        try:
            begun = self._channel.recv(len(READY)) == READY
        except TimeoutError:
            raise UnavailableError(
                f"the server's process did not begin within {START_SECONDS:g} s", hint="try again"
            ) from None
        if not begun:
            code = self._process.wait()
            raise UnavailableError(f"the server's process ended with exit code {code}", hint="see above")
        self._channel.settimeout(REPORT_SECONDS)

    def look(self, scheduler: Scheduler) -> None:
        """Tell it how this process is; start it again if it has ended."""
        if self._process.poll() is None:
            self._tell(node_report(scheduler))
            return
        now = time.monotonic()
        if self._again_at is None:
            if now - self._begun_at > LONGEST_PAUSE_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
            code = self._process.returncode
            print_line(
                f"the server's process ended with exit code {code}; it is started again in {self._pause:g} s",
                stderr=True,
            )
            self._again_at, self._pause = now + self._pause, min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        elif now >= self._again_at:
            self._channel.close()
            self._start()

    def _tell(self, line: bytes) -> None:
        """Send a line; a process that takes none is ended, which is seen at the next look."""
        try:
            self._channel.sendall(line)
        except TimeoutError:
            self._process.kill()
        except OSError:  # it has ended
            pass

    def drain(self) -> None:
        """Accept no more connections; the server answers the requests under way and ends."""
        self._listening.close()
        with contextlib.suppress(OSError):  # it has ended
            self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()

    def stop(self, *, patience: float = 2 * DRAIN_SECONDS + 2) -> None:
        """Drain, and return when it has ended, by force after `patience` seconds."""
        self.drain()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
