"""Each check stops a broken frame, in a report and in Python."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from schedkit.errors import CheckError, UsageError
from schedkit.report import Check, expect
from schedkit.report.check import check


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"Key": ["A-1", "A-2", "B-1"], "Points": [3, 1, 2]})


HOLDS: list[dict[str, Any]] = [
    {"min_rows": 3},
    {"max_rows": 3},
    {"unique": "Key"},
    {"not_null": "Key"},
    {"complete": True},
    {"expect": "Points > 0"},
    {"expect": {"positive": "Points > 0", "not too many": "Points.sum() < 10"}},
    {"max_drop": "50%"},
]


def test_checks_hold(frame: pd.DataFrame) -> None:
    frame.attrs["extraction"] = {"complete": True, "missing": {}}
    for rule in HOLDS:
        check(frame, Check.model_validate(rule))


def broken_frames(frame: pd.DataFrame) -> list[tuple[pd.DataFrame, dict[str, Any], str]]:
    twice = pd.concat([frame, frame.head(1)])
    empty = frame.assign(Key=[None, "A-2", "B-1"])
    site = frame.copy()
    site.attrs["extraction"] = {"complete": False, "missing": {}, "missing_sites": {"ops": "got no answer"}}
    silent = frame.copy()
    silent.attrs["extraction"] = {"complete": False}
    lacking = frame.copy()
    lacking.attrs["extraction"] = {"complete": False, "missing": {"10001": "gone"}}
    return [
        (frame, {"min_rows": 4}, "3 rows, at least 4"),
        (frame, {"max_rows": 2}, "3 rows, at most 2"),
        (frame, {"unique": "Nope"}, "no column 'Nope'"),
        (frame, {"not_null": "Pints"}, r"check.not_null: there is no column 'Pints' .did you mean 'Points'"),
        (twice, {"unique": "Key"}, r"1 rows repeat \['Key'\], e.g. \['A-1'\]"),
        (empty, {"not_null": "Key"}, "1 of 3 rows have no 'Key'"),
        (frame.assign(Points=[1, None, 2]), {"not_null": "Points"}, "have no 'Points', e.g. Key A-2"),
        (lacking, {"complete": True}, "1 issues are missing from the extraction, e.g. 10001: gone"),
        (site, {"complete": True}, r"site ops is missing from the extraction \(got no answer\)"),
        (silent, {"complete": True}, "says that it is not complete"),
        (frame, {"complete": True}, "no record of its extraction"),
        (frame, {"expect": "Points > 1"}, "'Points > 1' does not hold for 1 of 3 rows, e.g. Key A-2"),
        (frame.assign(Points=[1, None, 2]), {"expect": "Points > 0"}, "for 1 of 3 rows, e.g. Key A-2"),
        (frame, {"expect": {"few": "Points.sum() < 3"}}, "few does not hold for 3 of 3 rows"),
        (frame.head(0), {"expect": "Points.sum() > 0"}, "does not hold for 1 of 0 rows"),
    ]


def test_checks_stop_a_broken_frame(frame: pd.DataFrame) -> None:
    for broken, rule, message in broken_frames(frame):
        with pytest.raises(CheckError, match=message):
            check(broken, Check.model_validate(rule))


def test_the_same_from_python(frame: pd.DataFrame) -> None:
    for broken, rule, message in broken_frames(frame):
        (name,) = rule
        given = {"condition": rule[name]} if name == "expect" else rule
        with pytest.raises(CheckError, match=message):
            expect(broken, **given)
    frame.attrs["extraction"] = {"complete": True}
    known = {"min_rows": 3, "max_rows": 3, "unique": "Key", "not_null": ["Key"], "complete": True}
    assert expect(frame, "Points > 0", **known) is frame


@pytest.mark.parametrize(
    ("previous", "rows", "most", "drops"),
    [(20, 9, "50%", True), (20, 10, "50%", False), (9, 0, 0, False), (10, 0, 0.5, True), (None, 0, 0, False)],
)
def test_a_drop_is_judged_against_the_last_good_run(
    previous: int | None, rows: int, most: object, drops: bool
) -> None:
    frame = pd.DataFrame({"Key": range(rows)})
    rule = Check.model_validate({"max_drop": most})
    before = None if previous is None else pd.DataFrame({"Key": range(previous)})
    for attempt in (
        lambda: check(frame, rule, previous),
        lambda: expect(frame, max_drop=most, previous=before),
    ):
        if drops:
            with pytest.raises(
                CheckError, match=rf"{rows} rows, the last good run had {previous}: \d+% fewer"
            ):
                attempt()
        else:
            attempt()


def test_only_what_the_report_ends_with_is_compared() -> None:
    with pytest.raises(ValueError, match="leave frame out"):
        Check.model_validate({"max_drop": 0.5, "frame": "bugs"})


def test_what_is_no_expectation(frame: pd.DataFrame) -> None:
    for given, message in [
        ({"condition": "Nope > 1"}, "check.expect: 'Nope > 1' fails"),
        ({"max_drop": "much"}, "max_drop='much' .a share, e.g. 50%"),
        ({"max_drop": 2}, "max_drop=2"),
        ({"min_rows": -1}, "min_rows=-1"),
        ({"min_row": 1}, "unknown .* 'min_row' .did you mean 'min_rows'"),
    ]:
        with pytest.raises(UsageError, match=message):
            expect(frame, **given)
    with pytest.raises(UsageError, match="expected a DataFrame, got list"):
        expect([1], min_rows=1)


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("Pionts > 0", "did you mean 'Points'?"),
        ("`Story Pints` > 0", "did you mean 'Story Points'?"),
        ("xyz > 0", "put column names with spaces in `backticks`"),
        ("Points >", "put column names with spaces in `backticks`"),
    ],
)
def test_a_column_that_is_misspelt_in_an_expression(wanted: str, hint: str) -> None:
    frame = pd.DataFrame({"Points": [1], "Story Points": [2]})
    with pytest.raises(UsageError) as refused:
        expect(frame, wanted)
    assert refused.value.hint == hint
