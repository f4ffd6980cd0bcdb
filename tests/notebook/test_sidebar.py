"""The sidebar's side of the Jupyter Server: who may ask, what is answered, what the wheel installs."""

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from schedkit.core.api.scheduler import Scheduler

pytestmark = [
    # Of Jupyter Server's own imports.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
ROOT = Path(__file__).parents[2]
TOKEN = {"authorization": "token secret"}
PRIVATE = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project, and a Jupyter that has nothing else."""
    for name in PRIVATE:
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    project = tmp_path / "project"
    project.mkdir()
    (project / "schedkit.yaml").write_text("scheduler: {ledger: team.db}\n", encoding="utf-8")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield project
    for number, handler in handlers.items():
        signal.signal(number, handler)


@asynccontextmanager
async def jupyter(root: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Run a Jupyter Server with the sidebar in this loop."""
    from jupyter_server.serverapp import ServerApp
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    from schedkit.notebook.sidebar import _jupyter_server_extension_points, _load_jupyter_server_extension

    assert _jupyter_server_extension_points() == [{"module": _load_jupyter_server_extension.__module__}]
    app = ServerApp(root_dir=str(root), open_browser=False, allow_root=True)
    app.initialize(
        ["--IdentityProvider.token=secret", "--allow-root"], find_extensions=False, new_httpserver=False
    )
    _load_jupyter_server_extension(app)
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(app.web_app)
    server.add_sockets([socket])
    url = f"http://127.0.0.1:{socket.getsockname()[1]}/schedkit"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            yield client
    finally:
        server.stop()
        await server.close_all_connections()


def with_jupyter(root: Path, ask: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with jupyter(root) as client:
            await ask(client)

    anyio.run(run)


async def next_event(lines: AsyncIterator[str], kind: str) -> str:
    """Return the data of the next event of a kind."""
    found = "message"
    async for line in lines:
        if line.startswith("event: "):
            found = line.removeprefix("event: ")
        elif line.startswith("data:"):
            if found == kind:
                return line.removeprefix("data: ")
            found = "message"
    raise AssertionError(f"the stream has ended without {kind}")


def files_of(run: str, rows: Any) -> list[str]:
    """Return the labels of a run's files in a message of the feed."""
    row = rows.get(run, {}) if isinstance(rows, dict) else next((r for r in rows if r["id"] == run), {})
    return [file["label"] for file in row.get("artifacts", ())]


def test_a_stranger_sees_and_does_nothing(root: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        for path in ("access", "events"):
            assert (await client.get(path)).status_code == 403, path
        # The same for everybody; behind JupyterHub a module cannot prove who asks for it.
        assert (await client.get("web/board.js")).status_code == 200
        assert (await client.head("web/board.js")).status_code == 200
        assert (await client.post("commands", json={"do": "pause"})).status_code == 403
        cross = {"origin": "http://evil.example.org"}
        assert (await client.post("commands", json={"do": "pause"}, headers=cross)).status_code in (403, 404)

    with_jupyter(root, ask)
    assert not (root / "team.db").exists()


def test_the_board_comes_when_there_is_a_ledger(root: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        client.headers.update(TOKEN)
        script = await client.get("web/lab.js")
        assert (script.status_code, "export function start" in script.text) == (200, True)
        refused = (await client.post("commands", json={"do": "pause"})).json()
        assert refused["error"].startswith("No schedule yet: ")
        assert (await client.get("access")).json()["scopes"] == ["read", "act"]
        async with client.stream("GET", "events") as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            lines = stream.aiter_lines()
            assert "No schedule yet" in await next_event(lines, "empty")
            await anyio.to_thread.run_sync(begin)
            snapshot = json.loads(await next_event(lines, "message"))
            assert [task["name"] for task in snapshot["tasks"]] == ["extract"]
        made = (await client.post("commands", json={"do": "run", "task": "extract"})).json()
        run = made["data"]["run"]
        await anyio.to_thread.run_sync(lambda: sched.run(run).result())
        async with client.stream("GET", "events", params={"run": run}) as stream:
            lines, files = stream.aiter_lines(), list[str]()
            while not files:  # the end of the run is heard of a moment later
                files = files_of(run, json.loads(await next_event(lines, "message"))["runs"])
            assert files == ["Rows"]
        file = {"do": "download", "run": run, "path": str(root / "rows.csv")}
        answer = await client.post("commands", json=file)
        assert (answer.headers["content-type"], answer.content) == ("application/octet-stream", b"Key\n")

    sched = Scheduler(root / "team.db", name="nightly")

    def begin() -> None:
        from schedkit import context

        @sched.task
        def extract() -> None:
            (root / "rows.csv").write_text("Key\n")
            context.artifact(root / "rows.csv", "Rows")

        sched.start()

    try:
        with_jupyter(root, ask)
        actors = {row["actor"] for row in sched.screens.audit_page()["items"] if row["action"] == "submitted"}
        assert actors
        assert "nightly" not in actors
    finally:
        sched.stop()


def test_the_wheel_installs_both_sides() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared: dict[str, Any] = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    by_target = {target: ROOT / source for source, target in shared.items()}
    folder = by_target["share/jupyter/labextensions/schedkit"]
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    assert package["name"] == "schedkit"
    script = folder / package["jupyterlab"]["_build"]["load"]
    assert "window._JUPYTERLAB.schedkit" in script.read_text(encoding="utf-8")
    config = by_target["etc/jupyter/jupyter_server_config.d/schedkit.json"]
    (module,) = json.loads(config.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    assert module == "schedkit.notebook.sidebar"
