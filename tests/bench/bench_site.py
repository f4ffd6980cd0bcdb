"""The demo site must not be what a benchmark measures: how near it comes to a server of ready-made bytes.

Sixteen clients fetch 20,000 issues of 7.5 KB, all fields: first from the site, then the same answers, byte
by byte, from a bare asyncio server that holds them ready; each server in a process of its own.
`SCHEDKIT_BENCH_ISSUES` makes it smaller.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.common import Row, cpu_seconds, median, seconds
from schedkit.demo.world.generate import generate

ISSUES = int(os.environ.get("SCHEDKIT_BENCH_ISSUES", "20000"))
CONCURRENCY, WINDOW, ROUNDS = 16, 250, 3
ANCHOR = 1_767_225_600_000


def rows() -> Iterator[Row]:
    cost = cpu_seconds(lambda: generate(ISSUES, 7, ANCHOR))
    yield Row(f"site: {ISSUES} issues generated", cost, 5.0, "five seconds", "s CPU", cost / 5.0, 1.0, "<=")
    code = f"from schedkit.demo import serve; serve(issues={ISSUES}, issue_kb=7.5)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        at = json.loads(process.stdout.readline())["jira_dc"]
        kept: dict[int, bytes] = {}
        everything(at["url"], at["token"], kept)
        ours = median(seconds(lambda: everything(at["url"], at["token"], {})) for _ in range(ROUNDS))
    finally:
        process.terminate()
        process.wait(10)
    with bare(kept) as url:
        peer = median(seconds(lambda: everything(url, "", {})) for _ in range(ROUNDS))
    name = f"site: {ISSUES} issues of 7.5 KB served, all fields"
    yield Row(name, ours, peer, "bytes held ready", "s", ours / peer, 2.0, "<=")


def everything(url: str, token: str, kept: dict[int, bytes]) -> None:
    """Fetch every window over sixteen kept connections."""
    parts, local = urlsplit(url), threading.local()

    def fetch(start: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection(parts.netloc)
        wanted: dict[str, Any] = {"jql": "ORDER BY id", "startAt": start, "maxResults": WINDOW}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps(wanted | {"fields": ["*all"]})
        local.connection.request("POST", f"{parts.path}/rest/api/2/search", body, headers)
        answer = local.connection.getresponse()
        kept[start] = answer.read()
        assert answer.status == 200, kept[start][:200]

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(fetch, range(0, ISSUES, WINDOW)))


@contextmanager
def bare(answers: dict[int, bytes]) -> Iterator[str]:
    """A process that answers each window with the bytes it was given, and does nothing else."""
    with tempfile.NamedTemporaryFile(suffix=".pickle", delete=False) as file:
        pickle.dump(answers, file)
    process = subprocess.Popen([sys.executable, "-c", BARE, file.name], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)
        Path(file.name).unlink()


BARE = """
import asyncio, json, pickle, sys
answers = pickle.load(open(sys.argv[1], "rb"))

async def answer(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
            body = answers[json.loads(await reader.readexactly(length))["startAt"]]
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body))
            writer.write(body)
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
