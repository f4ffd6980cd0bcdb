"""Figures of old issues say so."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import issues, moves

from schedkit.flow import History, pack
from schedkit.flow.freshness import stale_warning

ISSUES = (("A-1", "2026-03-02", "Doing"), ("A-2", "2026-03-03", "Open"))
MOVES = (("A-1", "2026-03-04", "Open", "Doing"),)


def told(end: str, *, read: Any = None, rows: Any = ISSUES, changes: Any = MOVES) -> str:
    table = issues(*rows)
    if read is not None:
        table.attrs["extraction"] = {"as_of": read}
    return stale_warning(History(table, moves(*changes)), pd.Timestamp(end, tz="UTC"))


@pytest.mark.parametrize(
    ("read", "end", "words"),
    [
        (["2026-03-10T09:00+01:00", "2026-03-10T09:05+01:00"], "2026-03-10 20:00", ""),
        (["2026-03-10T09:00+01:00", "2026-03-10T09:05+01:00"], "2026-03-01", ""),
        (
            ["2026-03-01T09:00+01:00", "2026-03-01T09:05+01:00"],
            "2026-03-20",
            "the issues are as of 2026-03-01 08:05 UTC: what happened in the 18 days after that",
        ),
        (["x", "2026-03-01T23:30Z"], "2026-03-03 12:00", "what happened in the 1 day after that"),
    ],
)
def test_issues_tell_when_they_were_extracted(read: list[str], end: str, words: str) -> None:
    found = told(end, read=read)
    assert found.startswith(words) if not words else words in found
    assert bool(found) is bool(words)


@pytest.mark.parametrize("read", [None, [], "x", ["a", "no time"], ["a", "2026-03-01T09:00"], ["a", None], 7])
def test_else_the_latest_change_is_looked_at(read: Any) -> None:
    assert told("2026-03-18", read=read) == ""
    assert told("2026-03-19", read=read).startswith("nothing has changed for 15 days, since 2026-03-04")


def test_without_changes_it_is_the_youngest_issue() -> None:
    assert told("2026-03-18", changes=()).startswith("nothing has changed for 15 days, since 2026-03-03")
    assert told("2026-03-10", changes=()) == ""
    assert told("2026-03-10", rows=(), changes=()) == ""


def test_a_pack_of_old_issues_says_so_in_each_figure_and_once_of_all(example: Example) -> None:
    late = UNTIL + pd.Timedelta(days=60)
    found = pack(example.issues, example.changes, until=late)
    (warning,) = [each for each in found.warnings if "nothing has changed" in each]
    assert all(warning in frame.attrs["warnings"] for frame in found.values())
    assert f"⚠ {warning}" in found._repr_html_()
    fresh = pack(example.issues, example.changes, until=UNTIL)
    assert not [each for each in fresh.warnings if "nothing has changed" in each]
