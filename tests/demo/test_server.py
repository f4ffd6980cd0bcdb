"""The server's end, at every turn of its loop at which somebody may come in."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from schedkit.demo.server import Server, bind


async def _nobody_answers(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"nobody asked for anything: {scope}")


async def _stop_after(turns: int) -> list[socket.socket]:
    """Clients that came in `turns` turns before their server was told to stop."""
    config = uvicorn.Config(_nobody_answers, lifespan="off", log_config=None, ws="none")
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    listening = bind(0)
    await server.startup(sockets=[listening])
    clients = [socket.create_connection(listening.getsockname(), timeout=60) for _ in range(3)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await server.shutdown([listening])
    return clients


@pytest.mark.parametrize("turns", range(6))
def test_who_comes_in_while_it_stops_is_closed(turns: int) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        clients = asyncio.run(_stop_after(turns))
        gc.collect()
    for client in clients:
        with client, suppress(ConnectionResetError):  # reset is who was never let in
            assert client.recv(1) == b""
    assert [str(warning.message) for warning in seen] == []
