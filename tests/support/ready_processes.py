"""Real processes without the second that Python takes to import schedkit: forked from one that has done so.

Each is a process of its own, with its own session, standard streams, folder and environment. What is about
the start of Python itself, e.g. which modules a command imports, needs ``subprocess``.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import pty
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

__all__ = ["COMMAND_LINE", "Ended", "ReadyProcess", "begun", "command", "ended", "in_terminal"]

SECONDS = 120.0  # after which a process that does not end is killed
# The command line as the installed script runs it; no keyring can be imported there.
COMMAND_LINE = "import sys; sys.modules['keyring'] = None; from schedkit.cli import main; sys.exit(main())"


class ReadyProcess:
    """A process that runs a program's text.

    Parameters
    ----------
    program : str
        Python, run as ``__main__``.
    arguments, folder, environment
        What it finds as ``sys.argv[1:]``, working folder and environment (this process's if not given).
    streams : three file descriptors
        Its standard streams, which stay open here.
    terminal : bool
        Whether the streams are a terminal, which becomes its own.
    """

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        folder: Path,
        streams: tuple[int, int, int],
        *,
        environment: Mapping[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        request = {
            "program": program,
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(os.environ if environment is None else environment),
            "terminal": terminal,
        }
        self._told, telling = socket.socketpair()
        with telling:
            text = json.dumps(request).encode()
            socket.send_fds(_forker(), [text], [telling.fileno(), *streams])
        self._lines = self._told.makefile("r")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def wait(self, seconds: float = SECONDS) -> int:
        """Return its exit code once it has ended; negative is the signal that ended it."""
        if self.returncode is None:
            self._told.settimeout(seconds)
            self.returncode = int(self._lines.readline())
            self._lines.close()
            self._told.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def ended(self) -> bool:
        """Tell whether it has ended."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._told, selectors.EVENT_READ)
                if selector.select(0):
                    self.wait()
        return self.returncode is not None

    def close(self) -> None:
        """Kill it if it has not ended."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def __enter__(self) -> ReadyProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@functools.cache
def _forker() -> socket.socket:
    """Return the channel to the process that forks all others; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    program = str(Path(__file__).with_name("ready_process.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with theirs:
        running = subprocess.Popen(
            [sys.executable, program, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment
        )
    atexit.register(_end, ours, running)
    return ours


def _end(channel: socket.socket, running: subprocess.Popen[bytes]) -> None:
    channel.close()
    running.wait(SECONDS)


@dataclass(frozen=True)
class Ended:
    """What is left of a command."""

    returncode: int
    stdout: str
    stderr: str


@contextmanager
def begun(program: str, arguments: Sequence[str], folder: Path) -> Iterator[ReadyProcess]:
    """Begin a program that reads nothing and writes where this process does; kill it in the end."""
    with (
        open(os.devnull, "rb") as nothing,
        ReadyProcess(program, arguments, folder, (nothing.fileno(), 1, 2)) as process,
    ):
        yield process


def ended(
    program: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end."""
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        streams = (given.fileno(), out.fileno(), err.fileno())
        with ReadyProcess(program, arguments, folder, streams, environment=environment) as process:
            code = process.wait()
        return Ended(code, _text(out), _text(err))


def command(
    arguments: Sequence[str], folder: Path, *, stdin: str = "", environment: Mapping[str, str] | None = None
) -> Ended:
    """Run the command line in a process of its own, to its end."""
    return ended(COMMAND_LINE, arguments, folder, stdin=stdin, environment=environment)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def in_terminal(
    arguments: Sequence[str], folder: Path, *, columns: int = 100, answers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run the command line in a terminal of its own; return its exit code and what the terminal shows.

    `answers` are typed once their question is seen: what is typed before a hidden prompt is dropped.
    """
    main, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment["TERM"] = "xterm-256color"
    streams = (terminal, terminal, terminal)
    with ReadyProcess(
        COMMAND_LINE, arguments, folder, streams, environment=environment, terminal=True
    ) as program:
        os.close(terminal)
        try:
            shown = _dialogue(lambda: os.read(main, 65536), lambda text: os.write(main, text), answers or {})
            return program.wait(), shown.replace("\r\n", "\n")
        finally:
            os.close(main)


def _dialogue(read: Callable[[], bytes], write: Callable[[bytes], int], answers: Mapping[str, str]) -> str:
    shown, left = b"", dict(answers)
    while True:
        try:
            piece = read()
        except OSError:  # the program has ended, on Linux
            piece = b""
        if not piece:
            return shown.decode("utf-8", "replace")
        shown += piece
        for question in [each for each in left if each.encode() in shown]:
            write(left.pop(question).encode() + b"\n")
