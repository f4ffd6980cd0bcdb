"""What the functions of `schedkit.flow` make of frames from a site, against the site's own books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.flow import cumulative_flow, throughput, time_in_status
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def at(ms: int) -> pd.Timestamp:
    return pd.Timestamp(datetime.fromtimestamp(ms / 1000, UTC))


@pytest.fixture(scope="module")
def frames(demo_site: DemoSite) -> tuple[pd.DataFrame, pd.DataFrame]:
    jira = client(demo_site, "dc")
    issues = jira.search(ALL)
    return issues, jira.changelog(issues)


def stays(site: DemoSite, until: pd.Timestamp) -> Iterator[tuple[str, str, pd.Timestamp, pd.Timestamp]]:
    """Each stay of each issue in a status, told from the store one by one."""
    for issue in site.store.visible():
        if at(issue.created) > until:
            continue
        moves = [
            (at(entry.at), str(change.was_text), str(change.now_text))
            for entry in site.store.history(issue)
            for change in entry.changes
            if change.field_id == "status"
        ]
        entered = at(issue.created)
        status = moves[0][1] if moves else issue.status.name
        moves = [move for move in moves if move[0] <= until]
        for when, _, now in moves:
            yield issue.key, status, entered, when
            entered, status = when, now
        yield issue.key, status, entered, until


def test_time_in_status(frames, demo_site: DemoSite) -> None:
    issues, changes = frames
    until = issues["Updated"].max() + timedelta(days=1)
    expected: dict[tuple[str, str], timedelta] = {}
    for key, status, entered, left in stays(demo_site, until):
        expected[key, status] = expected.get((key, status), timedelta(0)) + (left - entered)
    wide = time_in_status(issues, changes, until=until)
    assert len(wide) == len(issues)
    held = {(str(k), str(s)): v for k, row in wide.iterrows() for s, v in row.items() if v}
    assert held == {where: spent for where, spent in expected.items() if spent}
    whole = wide.sum(axis=1)
    lives = until - issues.set_index("Key")["Created"]
    pd.testing.assert_series_equal(whole, lives, check_names=False, check_dtype=False)
    names = [about["name"] for about in issues.attrs["statuses"].values()]
    order = [name for name in dict.fromkeys(names) if name in wide]
    assert list(wide)[: len(order)] == order


def test_cumulative_flow(frames, demo_site: DemoSite) -> None:
    issues, changes = frames
    until = issues["Updated"].max()
    flow = cumulative_flow(issues, changes, freq="7D", until=until)
    spans = list(stays(demo_site, until))
    for day in (flow.index[0], flow.index[10], flow.index[-2]):
        midnight = day + timedelta(days=1)
        for status in flow:
            inside = sum(
                s == status and a < midnight and (b >= midnight or b == until) for _, s, a, b in spans
            )
            assert flow.at[day, status] == inside, (day, status)
    grouped = cumulative_flow(issues, changes, freq="7D", until=until, by="category")
    assert list(grouped) == ["To Do", "In Progress", "Done"]
    pd.testing.assert_series_equal(grouped.sum(axis=1), flow.sum(axis=1))
    assert grouped.sum(axis=1).is_monotonic_increasing
    assert cumulative_flow(issues.head(0), changes, until=until).empty


def test_throughput(frames) -> None:
    issues, _ = frames
    weekly = throughput(issues, "W")
    assert weekly.sum() == issues["Resolved"].notna().sum()
    assert (weekly.index[1:] - weekly.index[:-1]).map(lambda step: step.n).unique().tolist() == [1]
    assert throughput(issues["Resolved"], "M", tz="Asia/Tokyo").sum() == weekly.sum()
    assert throughput(issues.head(0)).empty
    with pytest.raises(UsageError, match="neither Finished nor Resolved"):
        throughput(pd.DataFrame({"Key": []}))
