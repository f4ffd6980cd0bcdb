"""What a report takes from the project around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from schedkit.report import Tools


def test_a_run_has_one_moment_and_its_own_files(tmp_path: Path) -> None:
    moments = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(9))
    tools = Tools(site=lambda name: name, root=tmp_path, clock=lambda: next(moments))
    first, second = tools.for_run(), tools.for_run()
    first.written[tmp_path / "a"] = tmp_path / "b"
    assert first.clock() == first.clock() != second.clock()
    assert second.written == {}
