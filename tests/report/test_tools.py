"""What a report takes from the project around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schedkit.report import Tools
from schedkit.values.timezones import parse_timezone


@pytest.mark.parametrize(
    ("tz", "chosen", "shown"),
    [
        (None, None, False),
        ("Europe/Berlin", None, False),
        ("europe/berlin", None, False),
        ("UTC", None, True),
        ("UTC", False, False),
        (None, True, True),
    ],
)
def test_a_page_names_a_zone_that_is_not_the_projects(
    tz: str | None, chosen: bool | None, shown: bool
) -> None:
    project = parse_timezone("Europe/Berlin")
    tools = Tools(site=lambda name: name, root=Path(), clock=lambda: datetime.now(UTC), tz=project)
    assert tools.shows_zone(tz, chosen) is shown


def test_a_run_has_one_moment_and_its_own_files(tmp_path: Path) -> None:
    moments = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(9))
    tools = Tools(site=lambda name: name, root=tmp_path, clock=lambda: next(moments))
    first, second = tools.for_run(), tools.for_run()
    first.written[tmp_path / "a"] = tmp_path / "b"
    assert first.clock() == first.clock() != second.clock()
    assert second.written == {}
