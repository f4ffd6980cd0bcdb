"""Changelogs and worklogs, and what is computed from them, against the site's own books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change
from schedkit.errors import BadAnswerError, UnknownFieldError, UsageError
from schedkit.jira import (
    Jira,
    WorkingHours,
    cumulative_flow,
    cycle_times,
    status_spans,
    throughput,
    time_in_status,
)
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"
CATEGORY = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}


def at(ms: int) -> pd.Timestamp:
    return pd.Timestamp(datetime.fromtimestamp(ms / 1000, UTC))


@pytest.fixture(scope="module")
def frames(demo_site: DemoSite) -> tuple[pd.DataFrame, pd.DataFrame]:
    jira = client(demo_site, "dc")
    issues = jira.search(ALL)
    return issues, jira.changelog(issues)


def test_every_change_is_there(jira: Jira, demo_site: DemoSite) -> None:
    store = demo_site.store
    frame = jira.changelog(ALL)
    expected = sorted(
        (at(entry.at), issue.key, str(change.was_text), str(change.now_text))
        for issue in store.visible()
        for entry in store.history(issue)
        for change in entry.changes
    )
    cells = frame.astype({"From": object, "To": object})
    held = sorted(
        (row.When, row.Key, *(str(None if pd.isna(v) else v) for v in (row.From, row.To)))
        for row in cells.itertuples()
    )
    assert held == expected
    assert frame["When"].is_monotonic_increasing
    assert str(frame["When"].dtype) == "datetime64[us, UTC]"


def test_only_some_fields(jira: Jira) -> None:
    issues = jira.search("project = DEMO")
    everything = jira.changelog(issues)
    only = jira.changelog(issues, fields=["Status"])
    assert set(only["Field"]) == {"status"}
    assert len(only) == (everything["Field"] == "status").sum()
    assert set(jira.changelog(issues, fields="Sprint")["Field"]) == {"Sprint"}
    with pytest.raises(UnknownFieldError, match="did you mean 'Status'"):
        jira.changelog(issues, fields=["Statuss"])


def test_keys_and_moved_issues(jira: Jira, demo_site: DemoSite) -> None:
    moved = next(i for i in demo_site.store.visible() if i.moved_from and demo_site.store.history(i))
    frame = jira.changelog([moved.moved_from])
    assert set(frame["Key"]) == {moved.key}
    assert len(jira.changelog("DEMO-4")) > 0
    with pytest.raises(UsageError, match="no column 'Key'"):
        jira.changelog(pd.DataFrame({"a": []}))


def test_histories_over_many_pages() -> None:
    with DemoSite(issues=20) as site:
        for number in range(70):
            text = f"version {number}"
            change = Change("summary", "summary", None, "before", None, text)
            site.store.edit("DEMO-1", change, summary=text)
        expected = None
        for dialect in ("cloud", "dc"):
            frame = client(site, dialect).changelog("DEMO-1", fields=["Summary"])
            assert list(frame["To"])[-70:] == [f"version {n}" for n in range(70)]
            assert expected is None or expected == list(frame["To"])
            expected = list(frame["To"])


def test_a_capped_expansion_is_completed(demo_site: DemoSite) -> None:
    from starlette.responses import JSONResponse

    entry = {"id": "1", "created": "2026-01-01T00:00:00.000+0000", "items": [{"field": "status"}]}
    with DemoSite(issues=20) as site:
        short = {"issues": [{"id": "1", "key": "A-1", "changelog": {"histories": [entry], "total": 3}}]}
        pages = iter([[entry, entry], [entry]])

        def hook(request):  # type: ignore[no-untyped-def]
            if request.url.path.endswith("/search"):
                return JSONResponse(short)
            if request.url.path.endswith("/issue/A-1/changelog"):
                return JSONResponse({"values": next(pages, []), "total": 3})
            return None

        site.before(hook)
        assert len(client(site, "dc").changelog("A-1")) == 3
        with pytest.raises(BadAnswerError, match="has 3 changes, the site gave 0"):
            client(site, "dc").changelog("A-1")


def test_worklogs(jira: Jira, demo_site: DemoSite) -> None:
    store = demo_site.store
    frame = jira.worklogs(ALL)
    expected = sorted(
        (at(log.started), issue.key, log.seconds / 3600)
        for issue in store.visible()
        for log in store.worklogs(issue)
    )
    assert sorted((row.Started, row.Key, row.Hours) for row in frame.itertuples()) == expected
    assert frame["Comment"].notna().any()


def test_worklogs_beyond_the_first_twenty(dialect: str) -> None:
    from starlette.responses import JSONResponse

    work = {"started": "2026-01-01T00:00:00.000+0000", "timeSpentSeconds": 60, "id": "1"}
    with DemoSite(issues=20) as site:
        issue = {"id": "1", "key": "A-1", "fields": {"worklog": {"worklogs": [work] * 20, "total": 23}}}
        rest = iter([{"startAt": 20, "worklogs": [work] * 3, "total": 23}])

        def hook(request):  # type: ignore[no-untyped-def]
            if request.url.path.endswith(("/search", "/issue/bulkfetch")):
                return JSONResponse({"issues": [issue]})
            if request.url.path.endswith("/issue/A-1/worklog"):
                return JSONResponse(next(rest, {"startAt": 20, "worklogs": []}))
            return None

        site.before(hook)
        frame = client(site, dialect).worklogs("A-1")
        assert len(frame) == 23
        assert frame["Author"].isna().all()
        with pytest.raises(BadAnswerError, match="has 23 worklogs"):
            client(site, dialect).worklogs("A-1")


def stays(site: DemoSite, until: pd.Timestamp) -> Iterator[tuple[str, str, pd.Timestamp, pd.Timestamp]]:
    """Each stay of each issue in a status, told from the store one by one."""
    for issue in site.store.visible():
        if at(issue.created) > until:
            continue
        moves = [
            (at(entry.at), str(change.was_text), str(change.now_text))
            for entry in site.store.history(issue)
            for change in entry.changes
            if change.field_id == "status" and at(entry.at) <= until
        ]
        entered = at(issue.created)
        status = moves[0][1] if moves else issue.status.name
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
    order = [s for s in issues.attrs["statuses"] if s in wide]
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
    grouped = cumulative_flow(issues, changes, freq="7D", until=until, by=issues.attrs["statuses"])
    assert list(grouped) == ["To Do", "In Progress", "Done"]
    pd.testing.assert_series_equal(grouped.sum(axis=1), flow.sum(axis=1))
    assert grouped.sum(axis=1).is_monotonic_increasing
    assert cumulative_flow(issues.head(0), changes, until=until).empty


def test_cycle_times() -> None:
    day = pd.Timestamp("2026-03-02T08:00Z")  # a Monday
    issues = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3", "A-4", "A-5"],
            "Created": [day] * 5,
            "Status": ["Done", "Doing", "Done", "Open", "Closed"],
            "Status Category": ["Done", "In Progress", "Done", "To Do", "Done"],
        }
    )
    moves = [
        ("A-1", 1, "Open", "Doing"), ("A-1", 3, "Doing", "Done"),
        ("A-2", 1, "Open", "Done"), ("A-2", 2, "Done", "Doing"),  # reopened: not finished
        ("A-3", 1, "Open", "Doing"), ("A-3", 2, "Doing", "Done"), ("A-3", 3, "Done", "Doing"),
        ("A-3", 4, "Doing", "Done"),  # finished twice: the last counts
        ("A-5", 2, "Open", "Done"), ("A-5", 5, "Done", "Closed"),  # done is done when it is closed later
    ]  # fmt: skip
    changes = pd.DataFrame(
        [(key, day + timedelta(days=n), "status", a, b) for key, n, a, b in moves],
        columns=["Key", "When", "Field", "From", "To"],
    )
    times = cycle_times(issues, changes, until=day + timedelta(days=9)).set_index("Key")
    days = {k: (None if pd.isna(v) else v / timedelta(days=1)) for k, v in times["Cycle"].items()}
    assert days == {"A-1": 2, "A-2": None, "A-3": 3, "A-4": None, "A-5": 0}
    leads = {k: (None if pd.isna(v) else v / timedelta(days=1)) for k, v in times["Lead"].items()}
    assert leads == {"A-1": 3, "A-2": None, "A-3": 4, "A-4": None, "A-5": 2}
    assert times["Started"]["A-2"] == day + timedelta(days=1)
    hours = cycle_times(issues, changes, until=day + timedelta(days=9), calendar=WorkingHours())
    assert hours.set_index("Key")["Lead"]["A-3"] == pd.Timedelta(hours=32 - 0)
    one = cycle_times(issues, changes, start="Doing", done="Closed", until=day + timedelta(days=9))
    assert one["Finished"].notna().sum() == 1
    with pytest.raises(UsageError, match="no issue was ever in 'Nowhere'"):
        cycle_times(issues, changes, done="Nowhere")


def test_throughput(frames) -> None:
    issues, _ = frames
    weekly = throughput(issues, "W")
    assert weekly.sum() == issues["Resolved"].notna().sum()
    assert (weekly.index[1:] - weekly.index[:-1]).map(lambda step: step.n).unique().tolist() == [1]
    assert throughput(issues["Resolved"], "M", tz="Asia/Tokyo").sum() == weekly.sum()
    assert throughput(issues.head(0)).empty
    with pytest.raises(UsageError, match="neither Finished nor Resolved"):
        throughput(pd.DataFrame({"Key": []}))


def test_frames_without_the_columns() -> None:
    with pytest.raises(UsageError, match="frame of issues has no column 'Created'"):
        status_spans(pd.DataFrame({"Key": []}), pd.DataFrame())
    with pytest.raises(UsageError, match="frame of changes has no column 'When'"):
        status_spans(pd.DataFrame({"Key": [], "Created": [], "Status": []}), pd.DataFrame({"Key": []}))


def by_the_minute(hours: WorkingHours, start: pd.Timestamp, end: pd.Timestamp) -> timedelta:
    """Working time counted minute by minute."""
    minutes = pd.date_range(start, end, freq="min", inclusive="left").tz_convert(hours.tz)
    wall = minutes.hour * 3600 + minutes.minute * 60
    off = {str(day) for day in hours.holidays}
    working = [
        hours.mask[day.weekday()] and str(day.date()) not in off and hours.start <= second < hours.end
        for day, second in zip(minutes, wall, strict=True)
    ]
    return timedelta(minutes=sum(working))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-27T14:00Z", "2026-03-31T10:30Z"),  # over the beginning of summer time
        ("2026-10-23T06:00Z", "2026-10-27T18:00Z"),  # and its end
        ("2025-12-30T00:00Z", "2026-01-05T12:00Z"),
        ("2026-05-04T09:15Z", "2026-05-04T09:20Z"),
        ("2026-05-02T00:00Z", "2026-05-03T23:00Z"),
    ],
)
@pytest.mark.parametrize(
    "hours",
    [
        WorkingHours(tz="Europe/Berlin", holidays=["2026-01-01"]),
        WorkingHours("sun-thu", "08:30", "24:00", "Asia/Kolkata"),
        WorkingHours("fri-mon, wed", "00:00", "06:00", "America/New_York"),
    ],
)
def test_working_hours(hours: WorkingHours, start: str, end: str) -> None:
    a, b = pd.Timestamp(start), pd.Timestamp(end)
    assert hours.between(a, b) == by_the_minute(hours, a, b)
    assert hours.between(b, a) == -hours.between(a, b)
    assert pd.isna(hours.between(a, pd.NaT))
    both = hours.between(pd.Series([a, pd.NaT]), b)
    assert both.iloc[0] == hours.between(a, b)
    assert pd.isna(both.iloc[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"days": "mon-fry"}, "'mon-fry' is no day"),
        ({"start": "9 am"}, "'9 am' is no time of day"),
        ({"start": "18:00"}, "before it starts"),
        ({"tz": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"holidays": ["25.12."]}, "a holiday is no date"),
    ],
)
def test_calendars_that_cannot_be(arguments: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        WorkingHours(**arguments)
