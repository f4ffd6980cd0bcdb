"""Changelogs, against the site's own books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
import pytest
from support.demo_clients import cloud, datacenter

from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change
from schedkit.errors import BadAnswerError, UnknownFieldError, UsageError
from schedkit.flow import spans
from schedkit.jira import Jira
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def at(ms: int) -> pd.Timestamp:
    return pd.Timestamp(datetime.fromtimestamp(ms / 1000, UTC))


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

        def hook(request):
            if request.url.path.endswith("/search"):
                return JSONResponse(short)
            if request.url.path.endswith("/issue/A-1/changelog"):
                return JSONResponse({"values": next(pages, []), "total": 3})
            return None

        site.before(hook)
        assert len(client(site, "dc").changelog("A-1")) == 3
        with pytest.raises(BadAnswerError, match="has 3 changes, the site gave 0"):
            client(site, "dc").changelog("A-1")


COLUMNS = [
    "Key", "Id", "When", "Author", "Author Id", "Field", "Field Id", "From", "To", "From Id", "To Id",
    "Entry",
]  # fmt: skip
WRITTEN = (
    Change("Fix Version", "fixVersions", None, None, "1", "1.0"),
    Change("Component", "components", "7", "UI", None, None),
    Change("Link", "", None, None, "OPS-1", "This issue blocks OPS-1"),
    Change("issuetype", "issuetype", "10001", "Story", "10004", "Bug"),
    Change("duedate", "duedate", None, None, "2026-01-02", "2026-01-02 00:00:00.0"),
    Change("Customer", "customer", None, None, None, "Ann"),
    Change("Story Points", "points", None, None, None, "3"),
    Change("IssueParentAssociation", "", None, None, "10001", None),
)


@pytest.fixture(scope="module")
def written() -> Iterator[DemoSite]:
    with DemoSite(issues=30) as site:
        issue = site.store.create("DEMO", "Changed in every way")
        for change in WRITTEN:
            site.store.edit(issue.key, change)
        yield site


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Fix Version/s", "Fix Version"), ("Fix Versions", "Fix Version"), ("Fix Version", "Fix Version"),
        ("fixVersions", "Fix Version"), ("Components", "Component"), ("Component/s", "Component"),
        ("Component", "Component"), ("Link", "Link"), ("Linked Issues", "Link"), ("Type", "issuetype"),
        ("Issue Type", "issuetype"), ("Due", "duedate"), ("Due date", "duedate"), ("Customer", "Customer"),
        ("Story Points", "Story Points"), ("Parent", "IssueParentAssociation"),
    ],
)  # fmt: skip
def test_every_name_of_a_field(written: DemoSite, dialect: str, name: str, field: str) -> None:
    key = max((i for i in written.store.visible()), key=lambda i: i.id).key
    frame = client(written, dialect).changelog([key], fields=[name])
    assert list(frame["Field"]) == [field]
    assert frame.attrs["extraction"]["complete"]


def test_ids_stand_beside_the_texts(written: DemoSite, dialect: str) -> None:
    key = max((i for i in written.store.visible()), key=lambda i: i.id).key
    frame = client(written, dialect).changelog([key])
    assert list(frame) == COLUMNS
    assert frame["Id"].unique().tolist() == [str(written.store.get(key).id)]
    assert frame["Author Id"].notna().all()
    ids = frame.set_index("Field")["Field Id"]
    expected = {
        "Fix Version": "fixVersions", "Component": "components", "Link": "issuelinks",
        "issuetype": "issuetype", "duedate": "duedate", "IssueParentAssociation": "parent",
    }  # fmt: skip
    assert {field: ids[field] for field in expected} == expected
    # Two fields are called Customer: Cloud says which, Data Center does not.
    assert pd.isna(ids["Customer"]) == (dialect == "dc")
    told = frame.attrs["history_fields"]
    assert told["Fix Versions"]["id"] == "fixVersions"
    assert told["Story Points"]["id"] == ids["Story Points"]
    assert frame.attrs["statuses"]["3"] == {
        "name": "In Progress", "category": "In Progress", "key": "indeterminate"
    }  # fmt: skip


def test_fields_that_search_merges_are_merged_here() -> None:
    with DemoSite(issues=20) as site:
        one, two = (site.store.create("DEMO", f"{n} points") for n in (1, 2))
        site.store.edit(
            one.key, Change("Story Points", "points", None, None, None, "1"), custom={"points": 1.0}
        )
        site.store.edit(
            two.key,
            Change("Story point estimate", "estimate", None, "1", None, "2"),
            custom={"estimate": 2.0},
        )
        jira = client(site, "cloud")
        issues = jira.keys([one.key, two.key])
        frame = jira.changelog(issues, fields=["Story Points"])
        assert set(frame["Field"]) == {"Story Points", "Story point estimate"}
        assert list(jira.changelog(issues, fields=["Story point estimate"])["Key"]) == [two.key]
        merged = spans(frame, "Story Points", issues)
        assert list(merged["Value"].fillna("")) == ["", "1", "1", "2"]


def test_a_custom_field_called_like_a_system_field(dialect: str) -> None:
    from starlette.responses import JSONResponse

    plugin = {"type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield"}
    with DemoSite(issues=20) as site:
        with (cloud if dialect == "cloud" else datacenter)(site) as http:
            fields = http.get("/rest/api/2/field").json()
        fields.append({"id": "customfield_77", "name": "Status", "custom": True, "schema": plugin})

        def hook(request):
            return JSONResponse(fields) if request.url.path.endswith("/rest/api/2/field") else None

        site.before(hook)
        issue = site.store.create("DEMO", "Two statuses")
        site.store.transition(issue.key, next(s for s in issue.project.statuses if s.name == "Done"))
        entry = {"field": "Status", "fieldtype": "custom", "from": None, "fromString": "Red", "to": None}
        entry |= {"toString": "Done"} | ({"fieldId": "customfield_77"} if dialect == "cloud" else {})
        shown = {"id": "9", "created": "2026-01-01T00:00:00.000+0000", "items": [entry]}
        log = {"issueId": str(issue.id), "changeHistories": [shown]}
        found = {"id": str(issue.id), "key": issue.key, "changelog": {"histories": [shown], "total": 1}}

        def custom(request):
            if request.url.path.endswith("/changelog/bulkfetch"):
                return JSONResponse({"issueChangeLogs": [log]})
            if dialect == "dc" and request.url.path.endswith("/search"):
                return JSONResponse({"issues": [found], "total": 1})
            return None

        jira = client(site, dialect)
        assert list(jira.changelog([issue.key], fields=["Status"])["Field Id"].dropna()) == ["status"], (
            "the system field"
        )
        site.before(custom)
        frame = jira.changelog([issue.key])
        assert list(frame["Field Id"]) == ["customfield_77"]
        assert jira.changelog([issue.key], fields=["Status"]).empty
        assert len(jira.changelog([issue.key], fields=["customfield_77"])) == 1


def test_changes_of_one_instant_come_in_the_order_of_their_entries(dialect: str) -> None:
    """Cloud counts whole seconds in bulk, and gives the newest first."""
    from starlette.responses import JSONResponse

    def entry(id: int, was: str, now: str) -> dict[str, object]:
        item = {
            "field": "status",
            "fieldId": "status",
            "fieldtype": "jira",
            "fromString": was,
            "toString": now,
        }
        created = 1767312000 if dialect == "cloud" else "2026-01-02T00:00:00.000+0000"
        return {"id": str(id), "created": created, "items": [item]}

    entries = [entry(11, "B", "C"), entry(9, "A", "B"), entry(12, "C", "D")]
    with DemoSite(issues=20) as site:
        issue = site.store.get("DEMO-1")

        def hook(request):
            if request.url.path.endswith("/changelog/bulkfetch"):
                log = {"issueId": issue.id, "changeHistories": entries}
                return JSONResponse({"issueChangeLogs": [log]})
            if dialect == "dc" and request.url.path.endswith("/search"):
                log = {"histories": entries, "total": 3}
                return JSONResponse({"issues": [{"id": str(issue.id), "key": issue.key, "changelog": log}]})
            return None

        site.before(hook)
        assert list(client(site, dialect).changelog("DEMO-1")["To"]) == ["B", "C", "D"]


def test_statuses_that_cannot_be_read_anew_are_those_of_the_opening() -> None:
    from starlette.responses import JSONResponse

    with DemoSite(issues=20) as site:
        jira = client(site, "dc")
        before = jira.changelog("DEMO-1").attrs["statuses"]
        site.before(lambda request: JSONResponse({}, 403) if request.url.path.endswith("/status") else None)
        assert jira.changelog("DEMO-1").attrs["statuses"] == before
        assert before
