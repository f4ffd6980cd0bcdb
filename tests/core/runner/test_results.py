"""Results: what a run returned comes back as it was, also in another process."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from schedkit.core.runner.results import Results
from schedkit.jira import diff


@pytest.mark.parametrize("kind", [tuple, list])
def test_cells_of_lists_come_back_as_lists(kind: type, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3"],
            "Labels": [None, kind(["ui", "api"]), kind()],
            "Pairs": [kind([kind([1, 2])]), None, kind()],
        }
    )
    frame.attrs["site"] = "here"
    results = Results(tmp_path)
    reference = results.save("task", "run", 1, frame)
    found = results.load(reference)
    pd.testing.assert_frame_equal(found, frame)
    assert found["Labels"].tolist() == frame["Labels"].tolist()
    assert found["Pairs"].tolist() == frame["Pairs"].tolist()
    # Arrays made a comparison ambiguous: today's frame could not be held against the kept one.
    assert diff(frame, found).empty


def test_a_series_of_lists_comes_back(tmp_path: Path) -> None:
    series = pd.Series([["a"], ["b", "c"]], name="Labels")
    results = Results(tmp_path)
    found = results.load(results.save("task", "run", 1, series))
    assert found.tolist() == series.tolist()
