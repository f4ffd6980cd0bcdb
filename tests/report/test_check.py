"""Each check stops a broken frame."""

from __future__ import annotations

import pandas as pd
import pytest

from schedkit.errors import CheckError
from schedkit.report import Check
from schedkit.report.check import check


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"Key": ["A-1", "A-2", "B-1"], "Points": [3, 1, 2]})


def test_checks_hold(frame: pd.DataFrame) -> None:
    frame.attrs["extraction"] = {"complete": True, "missing": {}}
    for rule in (
        Check(min_rows=3),
        Check(max_rows=3),
        Check(unique="Key"),
        Check(filled="Key"),
        Check(complete=True),
    ):
        check(frame, rule)


def test_checks_stop_a_broken_frame(frame: pd.DataFrame) -> None:
    twice = pd.concat([frame, frame.head(1)])
    empty = frame.assign(Key=[None, "A-2", "B-1"])
    unknown = frame.copy()
    site = frame.copy()
    site.attrs["extraction"] = {"complete": False, "missing": {}, "missing_sites": {"ops": "got no answer"}}
    silent = frame.copy()
    silent.attrs["extraction"] = {"complete": False}
    frame.attrs["extraction"] = {"complete": False, "missing": {"10001": "gone"}}
    for broken, rule, message in [
        (frame, Check(min_rows=4), "3 rows, at least 4"),
        (frame, Check(max_rows=2), "3 rows, at most 2"),
        (frame, Check(unique="Nope"), "no column 'Nope'"),
        (twice, Check(unique="Key"), r"1 rows repeat \['Key'\], e.g. \['A-1'\]"),
        (empty, Check(filled="Key"), "1 of 3 rows have no 'Key'"),
        (frame, Check(complete=True), "1 issues are missing from the extraction, e.g. 10001: gone"),
        (site, Check(complete=True), r"site ops is missing from the extraction \(got no answer\)"),
        (silent, Check(complete=True), "says that it is not complete"),
        (unknown, Check(complete=True), "no record of its extraction"),
    ]:
        with pytest.raises(CheckError, match=message):
            check(broken, rule)
