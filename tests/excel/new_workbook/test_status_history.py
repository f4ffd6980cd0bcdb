"""A changelog as the changes of status that a Summary counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel.new_workbook.status_history import status_history

STATUSES = {
    "1": {"name": "Open", "category": "To Do"},
    "2": {"name": "Doing", "category": "In Progress"},
    "3": {"name": "Done", "category": "Done"},
}
MOMENTS = pd.to_datetime(["2026-01-02", "2026-01-05", "2026-01-06"], utc=True)
CHANGELOG = pd.DataFrame(
    {"Key": ["A-1"] * 3, "When": MOMENTS, "Field": ["status"] * 2 + ["labels"], "To": ["Doing", "Done", "x"]}
)
ISSUES = pd.DataFrame(
    {"Key": ["A-1"], "Status": ["Done"], "Created": pd.to_datetime(["2026-01-01"], utc=True)}
)


@pytest.mark.parametrize("of", ["issues", "changelog"])
def test_only_changes_of_status_count(of: str) -> None:
    history, attrs = CHANGELOG.copy(), {"statuses": STATUSES}
    if of == "changelog":
        history.attrs, attrs = attrs, {}
    found = status_history(history, attrs)
    assert found["Status Category"].tolist() == ["In Progress", "Done"]
    assert found["At"].tolist() == list(MOMENTS[:2])


@pytest.mark.parametrize(
    "known", [{}, {"1": STATUSES["1"], "3": STATUSES["3"]}], ids=["none", "not this one"]
)
def test_a_status_of_no_known_category_is_refused(known: dict[str, Any], tmp_path: Path) -> None:
    """The Summary would count its issues in the category before, and nobody would know."""
    path, issues = tmp_path / "bugs.xlsx", ISSUES.copy()
    issues.attrs["statuses"] = known
    before = excel.write(ISSUES, path).path.read_bytes()
    with pytest.raises(WorkbookError, match="the category of the status 'Doing' is not known"):
        excel.write(issues, path, summary=True, history=CHANGELOG)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".lock"] == ["bugs.xlsx"]
