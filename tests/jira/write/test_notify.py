"""Writes without mail: where the site has them, and one sentence where it has not."""

from __future__ import annotations

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira

WORK = pd.DataFrame({"Key": ["DEMO-1"], "Hours": [1.0], "Started": ["2026-03-02T10:00Z"]})
NEW = pd.DataFrame({"Project": ["DEMO"], "Type": ["Bug"], "Summary": ["Quietly"]})
LINK = pd.DataFrame({"Key": ["DEMO-1"], "Link": ["blocks"], "To": ["DEMO-2"]})


def sent(site: DemoSite, method: str) -> list[str]:
    return [entry.query for entry in site.requests.matching(method=method) if "/issue/" in entry.path]


def test_edits_are_quiet_on_request(site: DemoSite, jira: Jira) -> None:
    df = jira.keys(["DEMO-1"], fields=["Summary"])
    for notify in (False, True):
        outcome = jira.edit(df.assign(Summary=f"Told {notify}"), notify=notify).apply()
        assert list(outcome["Outcome"]) == ["done"]
    assert sent(site, "PUT") == ["notifyUsers=false", ""]


def test_work_is_logged_quietly_where_the_site_can(site: DemoSite, jira: Jira, dialect: str) -> None:
    if dialect == "dc":
        with pytest.raises(UsageError, match="Jira Data Center cannot log work without mail"):
            jira.worklog(WORK, notify=False)
        return
    assert list(jira.worklog(WORK, notify=False).apply()["Outcome"]) == ["done"]
    assert sent(site, "POST") == ["notifyUsers=false"]


def test_what_no_jira_does_without_mail_is_refused(site: DemoSite, jira: Jira, dialect: str) -> None:
    name = "Jira Cloud" if dialect == "cloud" else "Jira Data Center"
    for write, words in (
        (lambda: jira.transition("DEMO-1", "Done", notify=False), "transition issues"),
        (lambda: jira.create(NEW, notify=False), "create issues"),
        (lambda: jira.link_issues(LINK, notify=False), "link issues"),
        (lambda: jira.comment("DEMO-1", "Quietly", notify=False), "comment"),
    ):
        with pytest.raises(UsageError, match=f"{name} cannot {words} without mail"):
            write()
    assert site.requests.count(method="POST") == 0
