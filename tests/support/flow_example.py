"""The ten issues of ../shared/data/flow/example.md, which were worked out by hand."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

STATUSES = {
    "1": {"name": "To Do", "category": "To Do", "key": "new"},
    "3": {"name": "In Progress", "category": "In Progress", "key": "indeterminate"},
    "4": {"name": "Review", "category": "In Progress", "key": "indeterminate"},
    "6": {"name": "Done", "category": "Done", "key": "done"},
}
UNTIL = pd.Timestamp("2026-03-15T12:00Z")


@dataclass(frozen=True)
class Example:
    """Issues, their changes, and what each function is to make of them."""

    issues: pd.DataFrame
    changes: pd.DataFrame
    per_issue: pd.DataFrame
    values: dict[str, Any]
    flow: pd.DataFrame


def read_example(folder: Path) -> Example:
    """Read the tables of the worked example."""
    text = (folder / "flow" / "example.md").read_text(encoding="utf-8")
    tables = [
        pd.read_csv(io.StringIO(block), dtype="str")
        for block in re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    ]
    issues, changes, per_issue, flow = tables[:4]
    issues["Story Points"] = issues["Story Points"].astype("float64")
    for frame, column in ((issues, "Created"), (changes, "When")):
        frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    changes.attrs["statuses"] = STATUSES
    values = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    return Example(issues, changes, per_issue.set_index("Key"), values, flow.set_index("Day").astype(int))


def in_sprint(example: Example) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The issues with the names of their sprints, and the changes."""
    issues = example.issues.copy()
    names = {"1": "Sprint 1", "1,2": "Sprint 1, Sprint 2", "1, 2": "Sprint 1, Sprint 2"}
    issues["Sprint"] = issues["Sprint Ids"].map(names)
    return issues, example.changes


SPRINTS = pd.DataFrame(
    {
        "Id": [1, 2],
        "Name": ["Sprint 1", "Sprint 2"],
        "State": ["closed", "future"],
        "Start": pd.to_datetime(["2026-03-02T09:00Z", "2026-03-16T09:00Z"]),
        "End": pd.to_datetime(["2026-03-13T17:00Z", "2026-03-27T17:00Z"]),
        "Activated": pd.to_datetime(["2026-03-02T09:00Z", None]),
        "Completed": pd.to_datetime(["2026-03-13T17:00Z", None]),
    }
)
