"""Forks processes that have schedkit imported already; run as ``python ready_process.py CHANNEL``.

CHANNEL is the number of an inherited socket. A message on it is JSON (the program's text, its arguments,
folder and environment, and whether its standard streams are a terminal of its own) with four file
descriptors: one on which to tell the process's id and its end, and the three standard streams.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import termios
import time
from typing import Any

MESSAGE = 1 << 20  # bytes; an environment is a few thousand
ROOMS = ("commands", "confluence", "demo", "excel", "flow", "jira", "notify", "report", "server")
LIBRARIES = ("anyio._backends._asyncio", "openpyxl", "pandas", "pyarrow", "requests", "xlsxwriter")


def import_all() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    for room in (importlib.import_module(f"schedkit.{name}") for name in ROOMS):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(found.name)


def main(channel: int) -> None:
    import_all()
    gc.freeze()  # a child that looks through all this copies it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for the programs
    with socket.socket(fileno=channel) as asked:
        while True:
            text, given, _, _ = socket.recv_fds(asked, MESSAGE, 4)
            if not text:
                return
            if os.fork() == 0:
                asked.close()
                _run(json.loads(text), *given)
                return
            for each in given:
                os.close(each)


def _run(request: dict[str, Any], told: int, *streams: int) -> None:
    """Become the program, or the process that waits for it and tells its end; only the program returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    begun, begins = os.pipe()
    program = os.fork()
    if program == 0:
        os.close(begins)
        os.read(begun, 1)  # once its process is known
        os.close(begun)
        os.close(told)
        _become(request, streams)
        _execute(request["program"])
        return
    for each in (begun, *streams):
        os.close(each)
    os.write(told, f"{program}\n".encode())
    os.close(begins)
    _, status = os.waitpid(program, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any], streams: tuple[int, ...]) -> None:
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        shown = os.fdopen(number, mode, buffering=1 if os.isatty(number) or number == 2 else -1)
        setattr(sys, name, shown)
        setattr(sys, f"__{name}__", shown)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv[1:] = request["arguments"]


def _execute(program: str) -> None:
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(int(sys.argv[1]))
