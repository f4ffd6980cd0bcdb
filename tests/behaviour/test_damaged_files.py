"""Three hundred damaged files of every kind that is read: each is still right, or one error of one line."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat.v4
import pandas as pd
import pytest
from support.damage import damaged

from schedkit import excel
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.results import Results
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger
from schedkit.demo import DemoSite
from schedkit.errors import SchedkitError
from schedkit.jira import Jira
from schedkit.jira.local_store.store import read_parquet
from schedkit.notebook.execute import execute
from schedkit.report.load import load_reports
from schedkit.settings import load_settings

SETTINGS = """
sites:
  jira: {url: "https://jira.example.org", user: ann, timeout: 30}
  pages: {kind: confluence, url: "https://example.atlassian.net/wiki"}
scheduler:
  ledger: .schedkit/ledger.db
  concurrency: 4
  keep_runs: 90 days
  job_defaults: {coalesce: true, max_instances: 2}
notify:
  channels:
    - {env: CHAT, on: [failed, late], every: 300}
"""
REPORT = """
name: bugs
schedule: {cron: "0 7 * * 1-5"}
extract: {site: jira, jql: "project = DEMO AND type = Bug", fields: [summary, status]}
shape:
  - columns: [Key, Summary, Status]
  - sort: [-Key]
check:
  - min_rows: 1
deliver:
  - excel: {path: "out/{name}.xlsx", title: Bugs}
"""


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, how a good one is made, and how it is read."""

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    seeds: int


def _frame() -> pd.DataFrame:
    count = 400
    return pd.DataFrame({
        "Key": [f"DEMO-{n}" for n in range(count)],
        "Points": range(count),
        "Created": pd.date_range("2026-01-01", periods=count, freq="h", tz="UTC"),
    })  # fmt: skip


def _make_result(path: Path, value: Any) -> None:
    results = Results(path.parent)
    reference = results.save("task", "run", 1, value)
    assert reference is not None
    (path.parent / reference["path"]).rename(path)


def _read_result(path: Path, kind: str) -> object:
    return Results(path.parent).load({"kind": kind, "path": path.name})


def _make_ledger(path: Path) -> None:
    with Scheduler(path, results=path.parent / "results") as sched:
        task = sched.task(name="adds")(lambda n, run: run.log("info", f"adding to {n}") or n + 1)
        for n in range(20):
            task.submit(n=n).result("60s")


def _read_ledger(path: Path) -> None:
    store = Store(path)
    try:
        store.open()
        ledger = Ledger(store)
        ledger.tasks()
        for run in ledger.runs(limit=1000):
            ledger.details(run.id)
            ledger.attempts(run.id)
        ledger.events(limit=10_000)
        ledger.waits()
        ledger.commands("a")
        ledger.nodes()
    finally:
        store.close()


def _use_ledger(path: Path) -> None:
    with Scheduler(path, results=path.parent / "results") as sched:
        sched.task(name="adds")(lambda n: n + 1).submit(n=1).wait("60s")
        sched.history()


def _make_notebook(path: Path) -> None:
    cells = [nbformat.v4.new_code_cell("numbers = [1, 2, 3]"), nbformat.v4.new_markdown_cell("# Sums")]
    cells.append(nbformat.v4.new_code_cell("total = sum(numbers)", metadata={"tags": ["a"]}))
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")


def _make_issues(path: Path) -> None:
    with DemoSite(issues=60) as site:
        at = site.jira_cloud
        Jira(at.url, user=at.user, token=at.token).to_parquet("project is not EMPTY", path)


KINDS = [
    Kind(
        "schedkit.yaml",
        lambda path: path.write_text(SETTINGS, encoding="utf-8") and None,
        lambda path: load_settings(path.parent),
        48,
    ),
    Kind("report.yaml", lambda path: path.write_text(REPORT, encoding="utf-8") and None, load_reports, 48),
    Kind(
        "result.json",
        lambda path: _make_result(path, {"rows": list(range(5000)), "text": "ä" * 100}),
        lambda path: _read_result(path, "json"),
        32,
    ),
    Kind(
        "result.parquet",
        lambda path: _make_result(path, _frame()),
        lambda path: _read_result(path, "parquet"),
        48,
    ),
    Kind("issues.parquet", _make_issues, read_parquet, 40),
    Kind("ledger.db", _make_ledger, _read_ledger, 48),
    Kind("used.db", _make_ledger, _use_ledger, 32),
    Kind("notebook.ipynb", _make_notebook, execute, 40),
    Kind("book.xlsx", lambda path: excel.write(_frame(), path) and None, excel.read, 48),
    Kind(
        "template.xlsx",
        lambda path: excel.write(_frame(), path) and None,
        lambda path: excel.write(_frame().head(3), path.with_name("filled.xlsx"), template=path),
        32,
    ),
    Kind(
        "appended.xlsx",
        lambda path: excel.write(_frame(), path, sheet="Bugs") and None,
        lambda path: excel.write(_frame().head(3), path, sheet="Bugs", mode="append"),
        32,
    ),
]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], bytes]:
    """Makes the good file of each kind once."""

    @functools.cache
    def make(kind: Kind) -> bytes:
        path = tmp_path_factory.mktemp("good") / kind.name
        kind.make(path)
        kind.read(path)
        return path.read_bytes()

    return make


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".db-shm", ".db-wal", ".db", ".lives", ".lock")
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_is_one_error_of_one_line(
    kind: Kind, original: Callable[[Kind], bytes], tmp_path: Path
) -> None:
    good, refusals = original(kind), dict[int, SchedkitError]()
    for seed in range(kind.seeds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = folder / kind.name
        path.write_bytes(damaged(good, seed))
        before = left = _files(folder)
        try:
            kind.read(path)
        except SchedkitError as error:
            refusals[seed] = error
            left = _files(folder)
        except Exception as error:
            error.add_note(f"{kind.name}, seed {seed}")
            raise
        assert seed not in refusals or left == before, seed
    assert len(refusals) > kind.seeds // 4
    assert [seed for seed, error in refusals.items() if not error.message] == []
    assert [seed for seed, error in refusals.items() if "\n" in str(error) or len(str(error)) > 1000] == []


def test_there_are_three_hundred() -> None:
    assert sum(kind.seeds for kind in KINDS) >= 300


def test_a_damaged_file_is_damaged_the_same_way_each_time() -> None:
    data = json.dumps(list(range(1000))).encode()
    assert [damaged(data, seed) for seed in range(16)] == [damaged(data, seed) for seed in range(16)]
    assert len({damaged(data, seed) for seed in range(16)}) > 12
