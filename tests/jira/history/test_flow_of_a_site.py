"""What the functions of `schedkit.flow` make of frames from a site, against the site's own books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.flow import (
    as_of,
    cumulative_flow,
    cycle_times,
    spans,
    status_spans,
    throughput,
    time_in_status,
)
from schedkit.jira import search_sites
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
    grouped = cumulative_flow(issues, changes, freq="7D", until=until, states="category")
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


UNTIL = pd.Timestamp("2026-03-02", tz="UTC")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def finished(issues: pd.DataFrame, changes: pd.DataFrame) -> int:
    return int(cycle_times(issues, changes)["Finished"].notna().sum())


def test_a_colleague_who_moves_one_issue_between_the_extractions_changes_one_issue() -> None:
    with DemoSite(issues=300, seed=7) as site:
        jira = client(site, "cloud")
        issues = jira.search("project = DEMO")
        changes = jira.changelog("project = DEMO")
        right, flow = finished(issues, changes), cumulative_flow(issues, changes).iloc[-1].to_dict()
        moved = next(
            issue.key
            for issue in site.store.visible()
            if issue.project.key == "DEMO"
            and issue.status.name == "In Progress"
            and site.store.history(issue)
        )
        jira.transition(moved, "Done").apply()
        later = jira.search("project = DEMO")
        assert finished(later, changes) == right + 1
        one_more = flow | {"In Progress": flow["In Progress"] - 1, "Done": flow["Done"] + 1}
        assert cumulative_flow(later, changes).iloc[-1].to_dict() == one_more
        told = f"1 issues have moved since their changes were read (e.g. {moved}): 1 are counted in their"
        for until in (None, pd.Timestamp.now("UTC")):
            (warning,) = cycle_times(later, changes, until=until).attrs["warnings"]
            assert warning.startswith(told)
        before = changes["When"].max() - timedelta(seconds=1)
        assert cycle_times(later, changes, until=before).attrs["warnings"] == []
        assert status_spans(later, changes).groupby("Key").last().at[moved, "Status"] == "Done"
        # The other way round the changes know more than the issues.
        again = jira.changelog("project = DEMO")
        assert finished(issues, again) == finished(later, again) == right + 1


def test_until_in_the_past_and_changes_cut_there() -> None:
    with DemoSite(issues=300, seed=7, now=NOW) as site:
        jira = client(site, "dc")
        issues = jira.search(ALL)
        changes = jira.changelog(issues, fields=["Status"])
        cut = pd.Timestamp("2025-09-01", tz="UTC")
        whole = time_in_status(issues, changes, until=cut)
        expected: dict[tuple[str, str], timedelta] = {}
        for key, status, entered, left in stays(site, cut):
            expected[key, status] = expected.get((key, status), timedelta(0)) + (left - entered)
        held = {(str(k), str(s)): v for k, row in whole.iterrows() for s, v in row.items() if v}
        assert held == {where: spent for where, spent in expected.items() if spent}
        assert whole.attrs["warnings"] == []
        part = changes[changes["When"] < cut]
        assert 0 < len(part) < len(changes)
        for same in (part, part[part["Field"] == "status"], changes[changes["When"] < "1999"]):
            pd.testing.assert_frame_equal(time_in_status(issues, same, until=cut), whole)
        pd.testing.assert_frame_equal(as_of(issues, part, cut), as_of(issues, changes, cut))
        bare = part.copy()
        bare.attrs = {}
        with pytest.raises(UsageError, match="give the whole changelog"):
            time_in_status(issues, bare, until=cut)
        then = as_of(issues, changes, cut).set_index("Key")
        for issue in site.store.visible():
            moves = [
                (at(entry.at), change)
                for entry in site.store.history(issue)
                for change in entry.changes
                if change.field_id == "status"
            ]
            if at(issue.created) <= cut:
                before = [change.now_text for moment, change in moves if moment <= cut]
                first = moves[0][1].was_text if moves else issue.status.name
                assert then.at[issue.key, "Status"] == (before[-1] if before else first)


def test_a_renamed_status_has_its_present_name_in_all_of_history(dialect: str) -> None:
    with DemoSite(issues=200, seed=7, now=NOW) as site:
        jira = client(site, dialect)
        issues = jira.search(ALL)
        changes = jira.changelog(issues)
        before = time_in_status(issues, changes, until=UNTIL)
        site.store.rename_status("In Progress", "Doing")
        # The same client, which was opened before the rename, and a new one.
        for each in (jira, client(site, dialect)):
            anew = each.changelog(issues)
            assert "In Progress" in set(anew["To"]), "histories keep the old name"
            renamed = each.search(ALL)
            after = time_in_status(renamed, anew, until=UNTIL)
            assert after.attrs["warnings"] == []
            assert "Doing" in after
            pd.testing.assert_frame_equal(
                after.sort_index().rename(columns={"Doing": "In Progress"})[list(before)], before.sort_index()
            )


def test_one_name_in_two_categories_on_one_site() -> None:
    with DemoSite(issues=300, seed=7, now=NOW) as site:
        site.store.own_statuses("OPS", {"In Review": "done"})
        jira = client(site, "cloud")
        issues = jira.search("project in (DEMO, OPS)")
        changes = jira.changelog(issues, fields=["Status"])
        times = cycle_times(issues, changes, until=UNTIL).set_index("Key")
        review = [
            i
            for i in site.store.visible()
            if i.status.name == "In Review" and i.project.key in ("DEMO", "OPS")
        ]
        assert {issue.project.key for issue in review} == {"DEMO", "OPS"}
        for issue in review:
            assert pd.isna(times.at[issue.key, "Finished"]) == (issue.project.key == "DEMO")
        flow = cumulative_flow(issues, changes, until=UNTIL, states="category")
        done = sum(
            i.status.category == "done" and i.project.key in ("DEMO", "OPS") for i in site.store.visible()
        )
        assert flow["Done"].iloc[-1] == done


def test_issues_that_move_between_projects_keep_their_history(dialect: str) -> None:
    with DemoSite(issues=100, seed=7) as site:
        jira = client(site, dialect)
        site.store.transition(
            "DEMO-1", next(s for s in site.store.catalog.projects[0].statuses if s.name == "Done")
        )
        before = jira.search("project = DEMO", fields=["*default", "Id"])
        early = jira.changelog(before)
        site.store.move("DEMO-1", "OPS")
        late, after = jira.changelog(before), jira.search(ALL, fields=["*default", "Id"])
        key = site.store.get("DEMO-1").key
        assert key.startswith("OPS-")
        names = [
            change for change in ("Key", "project") if change in set(late.loc[late["Key"] == key, "Field"])
        ]
        assert names == ["Key", "project"]
        # Issues from before with changes from after: by the former key in the changes.
        assert len(spans_of(before.drop(columns="Id"), late, "DEMO-1")) > 1
        # Changes from before with issues from after: by the id of the issue.
        assert spans_of(after, early, key) == spans_of(before, early, "DEMO-1")
        assert len(jira.changelog(["DEMO-1"], fields=["Key"])) == 1


def spans_of(issues: pd.DataFrame, changes: pd.DataFrame, key: str) -> list[str]:
    frame = spans(changes, "Status", issues)
    return list(frame.loc[frame["Key"] == key, "Value"])


def test_fields_of_a_site_as_of_an_instant(dialect: str) -> None:
    with DemoSite(issues=200, seed=7, now=NOW) as site:
        jira = client(site, dialect)
        # Histories have no name of a user whom the site does not show.
        shown = {i.key for i in site.store.visible() if i.assignee is None or i.assignee.display}
        issues = jira.search(ALL)
        issues = issues[issues["Key"].isin(shown)]
        changes = jira.changelog(issues)
        now = as_of(issues, changes, UNTIL)
        assert {"Status", "Sprint", "Story Points", "Assignee"} <= set(now)
        held = issues.set_index("Key").loc[list(now["Key"])].reset_index()
        for column in ("Story Points", "Assignee", "Sprint", "Status"):
            pd.testing.assert_series_equal(
                now[column].astype(object), held[column].astype(object), check_names=False
            )
        sprints = spans(changes, "Sprint", issues)
        assert all(isinstance(ids, tuple) for ids in sprints["Value Id"])


def test_versions_in_time(dialect: str) -> None:
    """Histories name each version that was added or removed, not what the field held."""
    with DemoSite(issues=60) as site:
        jira = client(site, dialect)
        issue = next(i for i in site.store.visible() if len(i.fix_versions) == 1)
        old = issue.fix_versions[0].name
        one, two = [v.name for v in issue.project.versions if v.name != old][:2]
        columns = ["Key", "Created", "Fix Versions"]
        for versions in ((old, one), (one, two), ()):
            frame = jira.keys([issue.key], fields=columns)
            frame["Fix Versions"] = pd.Series([versions], index=frame.index, dtype=object)
            assert jira.edit(frame, columns=["Fix Versions"]).apply()["Outcome"].tolist() == ["done"]
        changes = jira.changelog([issue.key], fields=["Fix Versions"])
        held = spans(changes, "Fix Versions", jira.keys([issue.key], fields=columns))
        assert [set(value) for value in held["Value"]] == [{old}, {old, one}, {one, two}, set()]
        moment = held["To"].iloc[1] - timedelta(milliseconds=1)
        before = as_of(jira.keys([issue.key], fields=columns), changes, moment)
        assert set(before["Fix Versions"][0]) == {old, one}


def test_histories_of_two_sites_in_one_frame() -> None:
    """The same keys, status ids and custom field ids mean something else at each site."""
    with DemoSite(issues=80, seed=7, now=NOW) as one, DemoSite(issues=80, seed=8, now=NOW) as other:
        other.store.rename_status("In Progress", "Doing")
        sites = {"one": client(one, "cloud"), "other": client(other, "dc")}
        issues = search_sites(sites, lambda jira: jira.search("project = DEMO"))
        changes = search_sites(sites, lambda jira: jira.changelog("project = DEMO"))
        assert changes.attrs["extraction"]["complete"]
        assert issues["Key"].duplicated().any()
        parts = [(jira.search("project = DEMO"), jira.changelog("project = DEMO")) for jira in sites.values()]

        stays = status_spans(issues, changes, until=UNTIL)
        alone = pd.concat([status_spans(*part, until=UNTIL).drop(columns="Status Id") for part in parts])
        pd.testing.assert_frame_equal(stays.drop(columns="Status Id"), alone.reset_index(drop=True))
        assert {"In Progress", "Doing"} <= set(stays["Status"])
        early = pd.Timestamp("2025-09-01", tz="UTC")
        pd.testing.assert_frame_equal(
            status_spans(issues, changes[changes["When"] < early], until=early),
            status_spans(issues, changes, until=early),
        )

        columns = ["Story Points", "Sprint", "Status Category"]
        then = as_of(issues, changes, "2025-09-01", ["Status", "Story Points", "Sprint"])
        alone = pd.concat(
            [as_of(*part, "2025-09-01", ["Status", "Story Points", "Sprint"]) for part in parts],
            ignore_index=True,
        )
        assert set(then["site"]) == {"one", "other"}
        pd.testing.assert_frame_equal(then[columns], alone[columns])
