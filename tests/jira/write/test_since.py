"""Since when a row may be out of date, and what was changed since."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change
from schedkit.jira.table.fields import Field
from schedkit.jira.write.since import Since, bases, changed_since
from schedkit.jira.write.targets import Target
from tests.jira.conftest import client

AT = pd.Timestamp("2026-01-02T03:04:05.678Z")


def target(id: str, name: str, store: str = "text") -> Target:
    return Target(name, Field(id, name, "string"), store, (id,), name)


@pytest.mark.parametrize(
    ("frame", "attrs", "expected"),
    [
        ({"Key": ["A-1"], "Updated": [AT]}, {}, {"A-1": AT + pd.Timedelta("100ms")}),
        ({"Key": ["A-1"], "Updated": [AT.floor("s")]}, {}, {"A-1": AT.floor("s") + pd.Timedelta("1s")}),
        ({"Key": ["A-1"], "Updated": ["no date"]}, {}, {}),
        ({"Key": ["A-1"], "Updated": [None]}, {"extraction": {"as_of": [AT.isoformat()]}}, {"A-1": AT}),
        ({"Key": ["A-1"]}, {"extraction": {"as_of": [AT.isoformat(), AT.isoformat()]}}, {"A-1": AT}),
        ({"Key": ["A-1"]}, {"extraction": "something else"}, {}),
        ({"Key": ["A-1"]}, {}, {}),
    ],
)
def test_since_when_a_row_may_be_out_of_date(
    demo_site: DemoSite, frame: dict, attrs: dict, expected: dict
) -> None:
    source = client(demo_site, "cloud").aio
    about = asyncio.run(source.source())
    about.clock_ahead = timedelta(0)
    made = pd.DataFrame(frame)
    made.attrs = attrs
    assert bases(made, ["A-1"], about) == expected


def test_changes_are_known_by_the_names_a_history_uses() -> None:
    since = Since(
        frozenset({"A-1"}),
        {"A-1": {"fix version": "1.0", "labels": "a b", "duedate": "2026-01-02 00:00:00.0", "points": "3"}},
        {"A-2": "not to be seen"},
    )
    assert since.changed("A-1", target("fixVersions", "Fix Version/s"))
    assert since.changed("A-1", target("customfield_1", "Points"))
    assert not since.changed("A-1", target("summary", "Summary"))
    assert not since.changed("A-3", target("labels", "Labels"))
    assert since.changed("A-2", target("summary", "Summary"))
    assert since.untouched("A-1", target("fixVersions", "Fix", "list"), ("1.0",))
    assert since.untouched("A-1", target("labels", "Labels", "list"), "a, b")
    assert not since.untouched("A-1", target("labels", "Labels", "list"), ("a", "c"))
    assert since.untouched("A-1", target("duedate", "Due", "date"), pd.Timestamp("2026-01-02"))
    assert since.untouched("A-1", target("customfield_1", "Points", "float"), 3.0)
    assert not since.untouched("A-1", target("customfield_1", "Points", "float"), "many")
    assert not since.untouched("A-1", target("customfield_1", "Points", "float"), None)
    assert not since.untouched("A-1", target("summary", "Summary"), "x")


def test_only_what_came_after_counts(dialect: str) -> None:
    with DemoSite(issues=30) as site:
        jira = client(site, dialect)
        before = jira.keys(["DEMO-1", "DEMO-2"])
        site.store.edit(
            "DEMO-1",
            Change("summary", "summary", None, "first", None, "second"),
            Change("priority", "priority", "1", "Highest", "2", "High"),
        )
        site.store.edit("DEMO-1", Change("summary", "summary", None, "second", None, "third"))
        now = jira.keys(["DEMO-1", "DEMO-2"]).set_index("Key")["Updated"].to_dict()
        base = dict(zip(before["Key"], before["Updated"] + pd.Timedelta("100ms"), strict=True))

        async def ask() -> Since:
            async def history(keys):  # type: ignore[no-untyped-def]
                return await jira.aio.changelog(keys), {}

            return await changed_since(history, base, now)

        since = asyncio.run(ask())
    assert since.moved == {"DEMO-1"}
    assert set(since.before) == {"DEMO-1"}
    assert since.before["DEMO-1"]["summary"] == "first", "what the frame was extracted with"
    assert not since.unread
