"""A chat server over real HTTP, which keeps what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

__all__ = ["Chat", "chat_server"]


class Chat:
    """A chat server: takes JSON, or refuses it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.status = 200
        self.more = Condition()
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with chat.more:
                    chat.heard.append(json.loads(body))
                    chat.more.notify_all()
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def waited(self, count: int, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Return what it has heard once there are so many messages."""
        with self.more:
            assert self.more.wait_for(lambda: len(self.heard) >= count, seconds), self.heard
        return self.heard

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/secret"


@contextmanager
def chat_server() -> Iterator[Chat]:
    """Serve until the block ends."""
    chat = Chat()
    thread = Thread(target=chat.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield chat
    finally:
        chat.server.shutdown()
        chat.server.server_close()
        thread.join()
