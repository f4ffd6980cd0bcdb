"""Worklogs, against the site's own books."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import BadAnswerError
from schedkit.jira import Jira
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def at(ms: int) -> pd.Timestamp:
    return pd.Timestamp(datetime.fromtimestamp(ms / 1000, UTC))


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
    assert frame["Worklog Id"].is_unique
    ids = {str(issue.id): issue.key for issue in store.visible()}
    assert frame["Id"].map(ids).tolist() == frame["Key"].tolist()
    accounts = {user.account_id for user in store.catalog.users}
    accounts |= {f"JIRAUSER{10100 + user.number}" for user in store.catalog.users}
    assert set(frame["Author Id"].dropna()) <= accounts
    assert frame.dropna(subset="Author").groupby("Author Id")["Author"].nunique().max() == 1


def test_worklogs_beyond_the_first_twenty(dialect: str) -> None:
    from starlette.responses import JSONResponse

    work = {"started": "2026-01-01T00:00:00.000+0000", "timeSpentSeconds": 60, "id": "1"}
    with DemoSite(issues=20) as site:
        issue = {"id": "1", "key": "A-1", "fields": {"worklog": {"worklogs": [work] * 20, "total": 23}}}
        rest = iter([{"startAt": 20, "worklogs": [work] * 3, "total": 23}])

        def hook(request):
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
