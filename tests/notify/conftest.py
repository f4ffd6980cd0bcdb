"""Receivers of notifications: a webhook over HTTP and a mail server, both real, both on this machine."""

from __future__ import annotations

import json
import queue
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from schedkit.notify import Channel, Notifier


class Webhook:
    """What arrived, in order; `status` is what the next requests are answered."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.status = 200
        self.hold = threading.Event()
        self.hold.set()
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name http.server calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.hold.wait(60)
                received.arrived.put((self.path, json.loads(body)))
                self.send_response(received.status)
                self.end_headers()
                self.wfile.write(b"ok")

            def do_GET(self) -> None:  # a heartbeat
                received.hold.wait(60)
                received.arrived.put((self.path, None))
                self.send_response(received.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def next(self, timeout: float = 60.0) -> tuple[str, Any]:
        return self.arrived.get(timeout=timeout)

    def mattermost(self) -> dict[str, str]:
        """The environment of a channel whose messages arrive here."""
        return {"CHAT": f"mmost://127.0.0.1:{self.port}/{TOKEN}"}

    def text(self) -> str:
        """The text of the next Mattermost message."""
        return str(self.next()[1]["text"]).replace("\r\n", "\n")


TOKEN = "3ccdd113474722377935511fc85d3dd4"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.hold.set()
    made.server.shutdown()
    made.server.server_close()


class Mailbox:
    """A mail server of the few words that sending a mail takes."""

    def __init__(self) -> None:
        self.mails: queue.Queue[str] = queue.Queue()
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    word = line.strip().upper()[:4]
                    if word == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        lines = []
                        while (line := self.rfile.readline()) != b".\r\n":
                            lines.append(line.decode())
                        mails.put("".join(lines))
                    self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                    if word == b"QUIT":
                        return

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def notifier(webhook: Webhook) -> Any:
    made: list[Notifier] = []

    def make(*channels: Channel, **options: Any) -> Notifier:
        options.setdefault("environ", webhook.mattermost())
        made.append(Notifier(channels or [Channel("CHAT", every=0)], retry_pause=0.01, **options))
        return made[-1]

    yield make
    for one in made:
        one.close(2)
