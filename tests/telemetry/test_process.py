"""What this process takes, as the official client tells it too."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from prometheus_client import ProcessCollector

from schedkit.telemetry.process import process_figures


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_the_official_client_tells_the_same() -> None:
    found = process_figures()
    theirs = {
        sample.name: sample.value
        for metric in ProcessCollector(registry=None).collect()
        for sample in metric.samples
    }
    assert found.started == pytest.approx(theirs["process_start_time_seconds"], abs=0.1)
    assert found.cpu_seconds == pytest.approx(theirs["process_cpu_seconds_total"], rel=0.2, abs=0.5)
    assert found.resident_bytes == pytest.approx(theirs["process_resident_memory_bytes"], rel=0.2)
    assert found.open_files == pytest.approx(theirs["process_open_fds"], abs=5)


def test_elsewhere_only_cpu_is_known(tmp_path: Path) -> None:
    before = time.process_time()
    found = process_figures(tmp_path)
    assert found.cpu_seconds >= before
    assert (found.resident_bytes, found.open_files, found.started) == (None, None, None)
