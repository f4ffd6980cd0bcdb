"""An issue frame as an extraction gives it, seeded."""

from __future__ import annotations

import numpy as np
import pandas as pd

_CATEGORY = {
    "Open": "To Do",
    "Selected": "To Do",
    "In Progress": "In Progress",
    "In Review": "In Progress",
    "Done": "Done",
}
_WORDS = ["export", "import", "login", "page", "crashes", "when", "opens", "board", "filter", "timeout"]


def issue_frame(rows: int, seed: int = 3) -> pd.DataFrame:
    """Return `rows` issues created over one year, most of them resolved."""
    chance = np.random.default_rng(seed)
    day = 86_400_000_000
    status = chance.choice(list(_CATEGORY), rows, p=[0.2, 0.1, 0.15, 0.1, 0.45])
    start = pd.Timestamp("2025-11-20", tz="UTC")
    created = pd.Series(start + pd.to_timedelta(np.sort(chance.integers(0, 360 * day, rows)), unit="us"))
    resolved = created + pd.to_timedelta(chance.integers(day, 60 * day, rows), unit="us")
    due = pd.Series(pd.Timestamp("2026-06-01") + pd.to_timedelta(chance.integers(0, 365, rows), unit="D"))
    frame = pd.DataFrame(
        {
            "Key": pd.Series([f"DEMO-{n}" for n in range(1, rows + 1)], dtype="str"),
            "Summary": pd.Series([" ".join(chance.choice(_WORDS, 6)) for _ in range(rows)], dtype="str"),
            "Type": pd.Categorical(chance.choice(["Bug", "Story", "Task"], rows)),
            "Status": pd.Categorical(status),
            "Status Category": pd.Categorical([_CATEGORY[name] for name in status]),
            "Priority": pd.Categorical(chance.choice(["Highest", "High", "Medium", "Low"], rows)),
            "Assignee": pd.Series(
                chance.choice(["Ada", "Grace", "Zo\u00eb \u00c5", None], rows), dtype="str"
            ),
            "Created": created.astype("datetime64[us, UTC]"),
            "Resolved": resolved.where(status == "Done").astype("datetime64[us, UTC]"),
            "Due": due.where(chance.random(rows) < 0.6).astype("datetime64[us]"),
            "Components": pd.Series(chance.choice(["Web", "API, Web", "Core"], rows), dtype="str"),
            "Story Points": pd.array(chance.choice([1, 2, 3, 5, None], rows), "Float64"),
        }
    )
    frame.attrs.update(
        site="https://jira.example.org",
        jql="project = DEMO ORDER BY created",
        fields={
            "Key": {"id": "issuekey", "type": "issuekey"},
            "Story Points": {"id": "customfield_10016", "type": "number"},
        },
        extraction={"as_of": ["2026-11-20T09:30:00+00:00", "2026-11-20T09:31:12+00:00"]},
    )
    return frame
