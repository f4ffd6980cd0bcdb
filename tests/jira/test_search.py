"""Searching both dialects: the frame holds what the site holds, in order, typed, complete."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schedkit import context
from schedkit.demo import DemoSite
from schedkit.errors import AuthError, JqlError, UnavailableError, UnknownFieldError, UsageError
from schedkit.jira import Jira
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.columns import Column
from schedkit.jira.table.frame import assemble
from schedkit.jira.table.kinds import Kind

ALL = "project is not EMPTY"
DEFAULT = [
    "Key", "Summary", "Type", "Status", "Status Category", "Priority", "Assignee", "Reporter", "Created",
    "Updated", "Resolved", "Due", "Parent", "Labels", "Components", "Fix Versions", "Sprint", "Story Points",
]  # fmt: skip
CATEGORY = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}


def moment(ms: int | None) -> pd.Timestamp | None:
    return None if ms is None else pd.Timestamp(datetime.fromtimestamp(ms / 1000, UTC))


def same(cell: object, expected: object) -> bool:
    return bool(pd.isna(cell)) if expected is None else cell == expected


def test_the_frame_holds_what_the_site_holds(jira: Jira, demo_site: DemoSite) -> None:
    store = demo_site.store
    df = jira.search(ALL)
    assert list(df) == DEFAULT
    assert len(df) == len(store) == 300
    assert df["Key"].is_unique
    for row in df.to_dict("records"):
        issue = store.get(row["Key"])
        parent = store.issues.get(issue.parent) if issue.parent else None
        if parent is not None and parent.project.hidden:
            parent = None
        expected = {
            "Summary": issue.summary,
            "Type": issue.type.name,
            "Status": issue.status.name,
            "Status Category": CATEGORY[issue.status.category],
            "Priority": issue.priority.name if issue.priority else None,
            "Created": moment(issue.created),
            "Updated": moment(issue.updated),
            "Resolved": moment(issue.resolved),
            "Due": pd.Timestamp(issue.due, tz="UTC") if issue.due else None,
            "Labels": issue.labels,
            "Components": tuple(c.name for c in issue.components),
            "Fix Versions": tuple(v.name for v in issue.fix_versions),
            "Sprint": tuple(s.name for s in issue.sprints),
        }
        for column, value in expected.items():
            assert same(row[column], value), (row["Key"], column, row[column], value)
        if parent is not None:
            assert row["Parent"] == parent.key
        assert pd.isna(row["Assignee"]) == (issue.assignee is None)
        if issue.assignee is not None and issue.assignee.display:
            assert row["Assignee"] == issue.assignee.display


def test_types(jira: Jira) -> None:
    df = jira.search(ALL)
    types = df.dtypes.astype(str)
    assert set(types[["Key", "Summary", "Assignee", "Reporter", "Parent"]]) == {"str"}
    assert set(types[["Type", "Status", "Status Category", "Priority"]]) == {"category"}
    assert set(types[["Created", "Updated", "Resolved", "Due"]]) == {"datetime64[us, UTC]"}
    assert types["Story Points"] == "float64"
    assert all(isinstance(v, tuple) for v in df["Labels"])


@pytest.mark.parametrize("zone_name", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_moments_compare_with_dates_by_the_days_of_a_time_zone(
    jira: Jira, demo_site: DemoSite, zone_name: str
) -> None:
    df = jira.search(ALL).dropna(subset=["Resolved", "Due"])
    resolved = df["Resolved"].dt.tz_convert(zone_name).dt.tz_localize(None)
    in_time = (resolved < df["Due"].dt.tz_localize(None) + pd.Timedelta(days=1)).tolist()
    if zone_name == "UTC":
        assert (df["Resolved"] < df["Due"] + pd.Timedelta(days=1)).tolist() == in_time
    zone = ZoneInfo(zone_name)
    for key, told in zip(df["Key"], in_time, strict=True):
        issue = demo_site.store.get(key)
        assert issue.resolved is not None
        day = datetime.fromtimestamp(issue.resolved / 1000, zone).date().isoformat()
        assert told == (day <= str(issue.due)), key
    assert {True, False} == set(in_time)


def test_categories_are_the_sites_whole_list_lowest_first(jira: Jira) -> None:
    df = jira.search(ALL)
    levels = ["Lowest", "Low", "Medium", "High", "Highest"]
    assert list(df["Priority"].cat.categories) == levels
    assert set(df.loc[df["Priority"] >= "High", "Priority"]) == {"High", "Highest"}
    assert df["Priority"].max() == "Highest"
    assert df["Type"].min() == "Sub-task"
    assert {"Backlog", "Erledigt"} <= set(df["Status"].cat.categories)
    assert list(df["Status Category"].cat.categories) == ["To Do", "In Progress", "Done"]
    assert df.sort_values("Status")["Status Category"].is_monotonic_increasing


def test_the_order_survives_joining_two_searches(jira: Jira) -> None:
    done, rest = (jira.search(f"project = DEMO AND statusCategory {op} Done") for op in ("=", "!="))
    both = pd.concat([done, rest], ignore_index=True)
    for column in ("Status", "Priority", "Type", "Status Category"):
        assert both[column].dtype == done[column].dtype
        assert both[column].cat.ordered


def test_a_priority_that_the_site_does_not_list_is_the_lowest() -> None:
    batch = Batch(
        np.array([1, 2]), np.zeros(2, np.int64), {"Priority": pa.array(["Old", "High"], pa.large_string())}
    )
    column = Column("Priority", Kind("priority", None, "category"))
    frame = assemble([batch], [column], ranks={"Priority": ["Low", "High"]})
    assert list(frame["Priority"].cat.categories) == ["Old", "Low", "High"]
    assert list(frame["Priority"] >= "Low") == [False, True]


def test_both_dialects_agree(demo_site: DemoSite) -> None:
    cloud, dc = (
        Jira(e.url, user=e.user, token=e.token).search(ALL) for e in (demo_site.jira_cloud, demo_site.jira_dc)
    )
    # Cloud hides names of former users that Data Center shows.
    columns = [c for c in DEFAULT if c not in ("Assignee", "Reporter", "Story Points")]
    # Data Center does not tell the levels of types.
    pd.testing.assert_frame_equal(
        cloud[columns].astype({"Type": "str"}), dc[columns].astype({"Type": "str"}), check_like=False
    )


def test_order_and_limit(jira: Jira, demo_site: DemoSite) -> None:
    df = jira.search("project = DEMO ORDER BY created DESC")
    assert df["Created"].is_monotonic_decreasing
    top = jira.search("project = DEMO ORDER BY created DESC", limit=7)
    assert list(top["Key"]) == list(df["Key"][:7])
    assert top.attrs["extraction"]["limited"]
    assert len(jira.search(ALL, limit=250)) == 250
    assert len(jira.search(ALL, limit=10_000)) == 300


def test_attrs(jira: Jira) -> None:
    df = jira.search("project = DEMO order by key")
    assert df.attrs["site"] == jira.site.url
    assert df.attrs["jql"] == "project = DEMO ORDER BY key"
    assert df.attrs["fields"]["Summary"] == {"id": "summary", "type": "text"}
    assert df.attrs["fields"]["Key"] == {"id": "issuekey", "type": "issue key"}
    assert list(df.attrs["fields"]) == list(df)
    facts = df.attrs["extraction"]
    assert facts["complete"]
    assert facts["exact"]
    assert facts["requested"] == facts["returned"] == len(df)
    assert facts["missing"] == {}
    assert facts["requests"] > 0
    assert facts["bytes"] > 0


def test_a_result_of_nothing(jira: Jira) -> None:
    df = jira.search('project = DEMO AND summary ~ "zxcvbnm"')
    assert list(df) == DEFAULT
    assert len(df) == 0
    assert df.dtypes.astype(str)["Created"] == "datetime64[us, UTC]"
    assert df.attrs["extraction"]["exact"]


def test_project(jira: Jira, demo_site: DemoSite) -> None:
    df = jira.project("DEMO", "OPS")
    expected = {i.key for i in demo_site.store.visible() if i.project.key in ("DEMO", "OPS")}
    assert set(df["Key"]) == expected
    with pytest.raises(UsageError, match="no project was named"):
        jira.project()


def test_chosen_fields(jira: Jira) -> None:
    df = jira.search("project = DEMO", fields=["summary", "Key", "Status Category", "environment"], limit=5)
    assert list(df) == ["Summary", "Key", "Status Category", "Environment"]
    df = jira.search("project = DEMO", fields=["*default", "Id"], limit=5)
    assert list(df) == [*DEFAULT, "Id"]
    df = jira.search("project = DEMO", fields="Summary", limit=5)
    assert list(df) == ["Key", "Summary"]


def test_an_unknown_field_names_its_neighbours(jira: Jira) -> None:
    with pytest.raises(UnknownFieldError, match=r"no field 'Sumary' \(did you mean 'Summary'"):
        jira.search(ALL, fields=["Sumary"])
    with pytest.raises(UnknownFieldError, match=r"jira\.fields"):
        jira.search(ALL, fields=["qqqqqqqqq"])
    with pytest.raises(UsageError, match="not the name of a field"):
        jira.search(ALL, fields=[7])
    with pytest.raises(UsageError, match="got 'html'"):
        jira.search(ALL, markup="html")


def test_custom_fields_by_name_and_ambiguous_ones_by_id(jira: Jira) -> None:
    df = jira.search("project = DEMO", fields=["Customer", "größe (pt)"], limit=5)
    ids = [about["id"] for about in df.attrs["fields"].values()]
    assert list(df)[1:3] == [f"Customer ({ids[1]})", f"Customer ({ids[2]})"]
    assert "Größe (PT)" in df
    assert str(df["Größe (PT)"].dtype) == "float64"


def test_every_field(jira: Jira, demo_site: DemoSite) -> None:
    df = jira.search("project = DEMO", fields="*all")
    assert {*DEFAULT, "Id"} <= set(df)
    assert len(df.columns) > 30
    described = {i.key: demo_site.store.description(i) for i in demo_site.store.visible()}
    texts = dict(zip(df["Key"], df["Description"], strict=True))
    for key, text in texts.items():
        assert pd.isna(text) == (not described[key])


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("no_such_field = 1", "refused the query .*no_such_field"),
        ("project = = DEMO", "refused the query"),
        ("summary ~ 'open", "the quote at character 11 of the JQL is not closed"),
        ("(project = DEMO", "a parenthesis of the JQL is not closed"),
        ("project = DEMO)", "has no opening parenthesis"),
        (None, "JQL must be a string, got NoneType"),
    ],
)
def test_bad_jql(jira: Jira, jql: str, words: str) -> None:
    with pytest.raises(JqlError, match=words):
        jira.search(jql)


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "10"])
def test_bad_limits(jira: Jira, limit: object) -> None:
    with pytest.raises(UsageError, match="limit must be >= 1"):
        jira.search(ALL, limit=limit)


def test_wrong_credentials(demo_site: DemoSite) -> None:
    for endpoint in (demo_site.jira_cloud, demo_site.jira_dc):
        jira = Jira(endpoint.url, user=endpoint.user, token="wrong-token-123")
        with pytest.raises(AuthError, match="login was refused") as caught:
            jira.search(ALL)
        assert "wrong-token-123" not in str(caught.value)


def test_wrong_urls(demo_site: DemoSite) -> None:
    with pytest.raises(UnavailableError, match="got no answer"):
        Jira("http://127.0.0.1:9", token="x" * 8).search(ALL)
    with pytest.raises(UsageError, match="Jira needs a url or a site"):
        Jira()


def test_async_from_any_loop(jira: Jira) -> None:
    async def both() -> list[int]:
        frames = await asyncio.gather(jira.aio.search("project = DEMO"), jira.aio.project("OPS"))
        return [len(f) for f in frames]

    assert min(asyncio.run(both())) > 0


def test_blocking_inside_a_coroutine_is_refused(jira: Jira) -> None:
    async def wrong() -> None:
        jira.search(ALL)

    with pytest.raises(UsageError, match=r"await ….aio.search"):
        asyncio.run(wrong())


def test_progress_and_facts_reach_whoever_listens(jira: Jira) -> None:
    class Listener(context.ExecutionContext):
        def __init__(self) -> None:
            self.seen: list[tuple[str, float, float | None]] = []
            self.facts: dict[str, object] = {}

        def progress(self, stage: str, done: float, total: float | None) -> None:
            self.seen.append((stage, done, total))

        def fact(self, kind: str, facts: object) -> None:
            self.facts[kind] = facts

    listener = Listener()
    with context.use(listener):
        df = jira.search(ALL)
    assert listener.seen[0] == ("extract", 0, None)
    assert listener.seen[-1] == ("extract", 300, 300)
    done = [d for _, d, _ in listener.seen]
    assert done == sorted(done)
    assert listener.facts["extraction"] == df.attrs["extraction"]


def test_fields_and_myself(jira: Jira) -> None:
    fields = jira.fields()
    assert {"id", "name", "type"} <= set(fields)
    assert "summary" in set(fields["id"])
    assert jira.myself()["displayName"]
    assert "token" not in repr(jira) + repr(jira.aio)


def test_cells_can_be_written(jira: Jira) -> None:
    df = jira.search(ALL)
    for column in df:
        df.iloc[0, df.columns.get_loc(column)] = df[column].iloc[1] if column != "Labels" else None
    df.loc[2, "Due"] = "2027-03-04"
    df.loc[2, "Story Points"] = 2.5
    df.loc[2, "Created"] = df["Updated"].max()


def test_equal_extractions_give_equal_frames(jira: Jira) -> None:
    one, two = jira.search(ALL), jira.search(ALL)
    pd.testing.assert_frame_equal(one, two)
    assert np.array_equal(one["Status"].cat.codes, two["Status"].cat.codes)
