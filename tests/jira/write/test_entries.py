"""An entry is made once, though two processes ask for it at one moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.jira import Jira
from schedkit.jira.write.plan import Plan
from tests.jira.conftest import client

AT = pd.Timestamp("2026-02-03T09:00", tz="Europe/Berlin")


def makes(jira: Jira, what: str, keys: list[str]) -> Plan:
    if what == "comment":
        return jira.comment(keys, "The same words")
    return jira.worklog(pd.DataFrame({"Key": keys, "Started": AT, "Hours": 1.0, "Comment": "The same"}))


def entries(site: DemoSite, what: str, key: str) -> list[int]:
    """The ids of what was added to an issue."""
    issue = site.store.get(key)
    if what == "comment":
        return [made.id for made in site.store.comments(issue) if made.text == "The same words"]
    return [made.id for made in site.store.worklogs(issue) if made.text == "The same"]


@pytest.mark.parametrize("what", ["comment", "worklog"])
def test_two_that_apply_at_one_moment_make_each_once(dialect: str, what: str) -> None:
    keys = [f"DEMO-{number}" for number in range(1, 13)]
    with DemoSite(issues=50, latency=0.02) as site:
        plans = [makes(client(site, dialect), what, keys) for _ in range(2)]
        start = threading.Barrier(2)

        def apply(plan: Plan) -> pd.DataFrame:
            start.wait(timeout=60)
            return plan.apply()

        with ThreadPoolExecutor(2) as threads:
            outcomes = pd.concat(threads.map(apply, plans))
        assert {key: len(entries(site, what, key)) for key in keys} == dict.fromkeys(keys, 1)
        assert outcomes.groupby("Key")["Outcome"].agg(sorted).tolist() == [["already done", "done"]] * 12


def meanwhile(site: DemoSite, dialect: str, what: str) -> list[int]:
    """Another process makes the same entry between the last look and the request; returns its id, later."""
    plan = makes(client(site, dialect), what, ["DEMO-1"])
    ids: list[int] = []

    def race(request: Request) -> None:
        if request.method == "POST" and not ids:
            ids.append(0)
            body = plan.aio.steps[0].request.json
            if what == "comment":
                made = site.store.comment("DEMO-1", body["body"])
            else:
                made = site.store.log_work("DEMO-1", 3600, int(AT.timestamp() * 1000), body["comment"])
            for given in body.get("properties", ()):
                site.store.properties[made.id, given["key"]] = given["value"]
            ids[:] = [made.id]

    site.before(race)
    return ids


@pytest.mark.parametrize("what", ["comment", "worklog"])
def test_the_later_of_two_is_removed_by_its_own_process(
    site: DemoSite, jira: Jira, dialect: str, what: str
) -> None:
    plan = makes(jira, what, ["DEMO-1"])
    spent = site.store.get("DEMO-1").spent or 0
    others = meanwhile(site, dialect, what)
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["already done"]
    assert list(outcome["Detail"]) == ["another process made it at the same moment"]
    assert entries(site, what, "DEMO-1") == others
    assert len(site.requests.matching(method="DELETE")) == 1
    assert (site.store.get("DEMO-1").spent or 0) == spent + (3600 if what == "worklog" else 0)


def test_one_whose_answer_was_lost_is_known_by_its_sender(site: DemoSite, jira: Jira, dialect: str) -> None:
    plan = makes(jira, "comment", ["DEMO-1"])
    others = meanwhile(site, dialect, "comment")
    site.faults = "rate=1,kinds=lost,method=POST,path=/comment,times=1"
    assert list(plan.apply()["Outcome"]) == ["already done"]
    assert entries(site, "comment", "DEMO-1") == others


@pytest.mark.parametrize(("status", "outcome"), [(403, "done"), (404, "already done")])
def test_one_that_cannot_be_removed(
    site: DemoSite, jira: Jira, dialect: str, status: int, outcome: str
) -> None:
    plan = makes(jira, "comment", ["DEMO-1"])
    meanwhile(site, dialect, "comment")
    refusal = JSONResponse({"errorMessages": ["You may not delete comments."]}, status)
    site.before(lambda request: refusal if request.method == "DELETE" else None)
    told = plan.apply()
    assert list(told["Outcome"]) == [outcome]
    assert ("it is there twice" in told["Detail"][0]) is (status == 403)


def test_a_comment_of_the_same_words_by_someone_else_does_not_count(site: DemoSite, jira: Jira) -> None:
    someone = next(user for user in site.store.catalog.users if user is not site.store.catalog.me)
    site.store.comment("DEMO-1", "The same words", author=someone)
    assert list(makes(jira, "comment", ["DEMO-1"]).apply()["Outcome"]) == ["done"]
    assert len(entries(site, "comment", "DEMO-1")) == 2


def test_a_comment_that_was_reworded_since_is_known_by_its_mark(site: DemoSite, jira: Jira) -> None:
    makes(jira, "comment", ["DEMO-1"]).apply()
    issue = site.store.get("DEMO-1")
    issue.written_comments = tuple(replace(made, text="Better words") for made in issue.written_comments)
    assert len(makes(jira, "comment", ["DEMO-1"])) == 0
