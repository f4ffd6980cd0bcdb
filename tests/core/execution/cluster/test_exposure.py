"""A port of Dask that a network may reach without TLS is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.cli import main
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.cluster.exposure import exposure


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (None, False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://127.8.9.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://dask.example.org:8786", False),
        ("wss://dask.example.org", False),
        ("inproc://10.0.0.5/12/1", False),
        ("tcp://10.0.0.5:8786", True),
        ("tcp://0.0.0.0:8786", True),
        ("tcp://dask:8786", True),
        ("tcp://[fe80::1]:8786", True),
        ("ws://dask.example.org:8786", True),
    ],
)
def test_an_address_that_others_may_reach(address: str | None, told: bool) -> None:
    assert bool(exposure(address)) is told


def test_a_scheduler_and_a_worker_say_so(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = "Dask's port tcp://dask.invalid:8786 is neither encrypted nor protected"
    with Scheduler(tmp_path / "ledger.db", dask="tcp://dask.invalid:8786"):
        assert caplog.text.count(told) == 1
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schedkit.yaml").write_text("")
    (tmp_path / "empty.txt").write_text("")
    assert main(["worker", "--dask", "tcp://dask.invalid:8786", "empty.txt"]) == 2, "it declares no tasks"
    assert f"warning: {told}" in " ".join(capsys.readouterr().err.split())
