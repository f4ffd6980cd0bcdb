"""Issues with histories for the bench of the flow room: status, estimates, flags, sprints, assignees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

STATUSES = ["Backlog", "To Do", "In Progress", "Review", "Test", "Blocked", "Done", "Closed"]
CATEGORIES = ["To Do", "To Do", *["In Progress"] * 4, "Done", "Done"]
_KEYS = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
_DAY = 86_400_000_000
# Of twenty changes of an issue: how many are of each field.
_SHARES = {"status": 7, "Story Points": 2, "Flagged": 1, "Sprint": 2, "assignee": 8}


def frames(count: int, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return issues, their changes (twenty each on average) and 59 sprints."""
    rng = np.random.default_rng(seed)
    born = np.datetime64("2023-01-01", "us") + (rng.random(count) * 1000 * _DAY).astype("timedelta64[us]")
    keys = np.array([f"PRJ-{n + 1}" for n in range(count)], dtype=object)
    issues: dict[str, Any] = {"Key": pd.Series(keys, dtype="str"), "Created": _instants(born)}
    issues["Type"] = pd.Categorical(rng.choice(["Story", "Bug", "Task"], count))
    parts = []
    for field, share in _SHARES.items():
        row = np.sort(rng.integers(0, count, count * share))
        when = born[row] + (rng.random(len(row)) * 150 * _DAY).astype("timedelta64[us]")
        order = np.lexsort((when, row))
        row, when = row[order], when[order]
        texts, ids, to = _values(field, row, rng)
        first = np.diff(row, prepend=-1) != 0
        was = np.where(first, 0, np.concatenate([[0], to[:-1]]))
        now = np.zeros(count, dtype=np.int64)
        now[row] = to
        issues |= _present(field, texts[now], ids[now])
        own = field if field in ("status", "assignee") else f"customfield_{len(parts)}"
        columns = {"From": texts[was], "To": texts[to], "From Id": ids[was], "To Id": ids[to]}
        part = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
        keyed = {"Key": pd.Series(keys[row], dtype="str"), "When": _instants(when), "Field": field}
        parts.append(part.assign(**keyed, **{"Field Id": own}))
    changes = pd.concat(parts, ignore_index=True).sort_values("When", ascending=False, ignore_index=True)
    table = pd.DataFrame(issues)
    listed = enumerate(zip(STATUSES, CATEGORIES, strict=True), 1)
    statuses = {
        str(id): {"name": name, "category": category, "key": _KEYS[category]}
        for id, (name, category) in listed
    }
    table.attrs["statuses"] = changes.attrs["statuses"] = statuses
    return table, changes, _sprints()


def _instants(values: Any) -> pd.Series[Any]:
    return pd.Series(pd.DatetimeIndex(values, tz="UTC").as_unit("us"))


def _values(field: str, row: Any, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return the texts and ids of a field, and which one each change leads to."""
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    if field == "status":
        to = np.clip(rank + 1 - 2 * (rng.random(len(row)) < 0.15), 0, len(STATUSES) - 1)
        ids = [str(n + 1) for n in range(len(STATUSES))]
        return np.array(STATUSES, dtype=object), np.array(ids, dtype=object), to
    if field == "Flagged":
        texts, ids = [None, "Impediment"], [None, "[1]"]
        return np.array(texts, dtype=object), np.array(ids, dtype=object), (rank + 1) % 2
    number = {"Story Points": 8, "Sprint": 60, "assignee": 300}[field]
    names = [f"{field} {n}" if field != "Story Points" else str(n) for n in range(1, number)]
    own = [None] * number if field == "Story Points" else [None, *map(str, range(1, number))]
    return (
        np.array([None, *names], dtype=object),
        np.array(own, dtype=object),
        rng.integers(0, number, len(row)),
    )


def _present(field: str, texts: Any, ids: Any) -> dict[str, Any]:
    if field == "status":
        category = dict(zip(STATUSES, CATEGORIES, strict=True))
        return {
            "Status": pd.Categorical(texts, STATUSES),
            "Status Id": pd.Series(ids, dtype="str"),
            "Status Category": pd.Series([category[text] for text in texts], dtype="str"),
        }
    if field == "Story Points":
        return {field: pd.to_numeric(pd.Series(texts, dtype="str")).astype("float64")}
    found = {field: pd.Series(texts, dtype="str")}
    return found | ({"Sprint Ids": pd.Series(ids, dtype="str")} if field == "Sprint" else {})


def _sprints() -> pd.DataFrame:
    begin = pd.date_range("2023-06-05", periods=59, freq="14D", tz="UTC")
    end = begin + pd.Timedelta(days=13)
    names = [f"Sprint {n}" for n in range(1, 60)]
    return pd.DataFrame(
        {"Id": range(1, 60), "Name": names, "State": "closed", "Start": begin, "End": end, "Completed": end}
    )
