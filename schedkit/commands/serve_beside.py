"""``python -m schedkit.commands.serve_beside CHANNEL``: serve what the process that started this one runs.

CHANNEL is the number of an inherited socket. On it come instructions (`Instructions`), then a report of that
process each second; its end, also by the death of that process, ends this one in order.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterable

import msgspec

from schedkit.app import app
from schedkit.commands.log_handlers import log_as_set
from schedkit.commands.output import print_line
from schedkit.commands.process_names import process_name
from schedkit.commands.signals import sigterm_as_interrupt
from schedkit.core.api.configuration import process_of_kind
from schedkit.core.api.live_view import LiveView
from schedkit.errors import SchedkitError
from schedkit.server import Server, ServerOptions
from schedkit.server.adapter import SchedulerVerbs
from schedkit.server.app import ServerApp
from schedkit.server.node_report import HeardNode
from schedkit.server.service import Service

__all__ = ["READY", "Instructions", "main"]

READY = b"ready\n"


class Instructions(msgspec.Struct, frozen=True, kw_only=True):
    """What is served, and where.

    Attributes
    ----------
    listening : int
        The number of an inherited socket that listens.
    """

    ledger: str | None
    options: ServerOptions
    listening: int


def main(channel: socket.socket) -> int:
    """Serve until the channel ends or SIGTERM comes; return the exit code."""
    with channel, channel.makefile("rb") as lines, contextlib.suppress(KeyboardInterrupt):
        line = lines.readline()
        if not line:  # the process that started this one has ended
            return 0
        told = msgspec.json.decode(line, type=Instructions)
        project = app(warned=True)
        with sigterm_as_interrupt(), log_as_set(project.settings.log, project.root):
            try:
                _serve(told, channel, lines)
            except SchedkitError as error:
                print_line(str(error), stderr=True)
                return 1
    return 0


def _serve(told: Instructions, channel: socket.socket, lines: Iterable[bytes]) -> None:
    with process_of_kind("server", process_name("serve", [])):
        scheduler = app().scheduler(told.ledger)
    node, reports = HeardNode(scheduler), iter(lines)
    first = next(reports, None)  # the ledger is there now
    if first is None:
        return
    node.hear(first)
    scheduler.watch()
    service = Service(
        LiveView(scheduler), SchedulerVerbs(scheduler), figures=node.figures, trouble=node.trouble
    )
    # With the protocol named, asyncio turns Nagle off also where a system does not tell a socket's.
    listening = socket.socket(proto=socket.IPPROTO_TCP, fileno=told.listening)
    try:
        with Server(ServerApp(service, told.options), told.options, listening):
            channel.sendall(READY)
            for report in reports:
                node.hear(report)
    finally:
        scheduler.stop()


if __name__ == "__main__":
    threading.current_thread().name = "schedkit-channel"
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
