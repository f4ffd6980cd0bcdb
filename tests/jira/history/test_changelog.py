"""Changelogs, against the site's own books."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change
from schedkit.errors import BadAnswerError, UnknownFieldError, UsageError
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
