"""An issue is made once, though two processes ask for it at one moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schedkit import context
from schedkit.demo import DemoSite
from schedkit.demo.world.model import Issue
from schedkit.errors import UnavailableError
from schedkit.jira import Jira
from schedkit.jira.write.plan import Plan
from tests.jira.conftest import client

ROWS = 8
FRAME = pd.DataFrame(
    {"Project": ["DEMO"] * ROWS, "Type": ["Task"] * ROWS, "Summary": [f"Row {n}" for n in range(ROWS)]}
)
MADE = "/rest/api/2/issue"


def made(site: DemoSite) -> list[Issue]:
    return [issue for issue in site.store.issues.values() if issue.summary.startswith("Row ")]


def test_two_that_apply_at_one_moment_make_each_once(dialect: str) -> None:
    with DemoSite(issues=50, latency=0.02) as site:
        plans = [client(site, dialect).create(FRAME) for _ in range(2)]
        start = threading.Barrier(2)

        def apply(plan: Plan) -> pd.DataFrame:
            start.wait(timeout=60)
            return plan.apply()

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(apply, plans))
        assert Counter(issue.summary for issue in made(site)) == Counter(FRAME["Summary"])
        keys = {issue.key for issue in made(site)}
        assert [set(outcome["Key"]) for outcome in outcomes] == [keys, keys], "both tell the issues there are"
        both = pd.concat(outcomes)
        assert set(both["Outcome"]) == {"done", "already done"}
        assert (both["Outcome"] == "done").sum() == ROWS


def test_a_plan_that_another_process_has_carried_out_since_makes_nothing(site: DemoSite, jira: Jira) -> None:
    early, late = jira.create(FRAME), jira.create(FRAME)
    keys = list(early.apply()["Key"])
    outcome = late.apply()
    assert list(outcome["Outcome"]) == ["already done"] * ROWS
    assert list(outcome["Key"]) == keys
    assert len(made(site)) == ROWS


def creates(request: Request) -> bool:
    return request.method == "POST" and request.url.path.endswith(MADE)


def rival(
    site: DemoSite,
    plan: Plan,
    by: str | None = None,
    after: int = 0,
    when: Callable[[Request], bool] = creates,
) -> list[str]:
    """Another process makes the first row just before ours is created, or `when`; returns its key, later."""
    keys: list[str] = []
    count = iter(range(10**6))

    def race(request: Request) -> None:
        if when(request) and next(count) == after:
            body = plan.aio.steps[0].request.json
            issue = site.store.create("DEMO", body["fields"]["summary"])
            mark = dict(body["properties"][0]["value"])
            site.store.properties[issue.id, "schedkit.plan"] = {**mark, "by": by or mark["by"], "sender": "?"}
            keys.append(issue.key)

    site.before(race)
    return keys


def test_the_later_of_two_is_removed_by_its_own_process(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    others = rival(site, plan)
    outcome = plan.apply()
    assert [issue.key for issue in made(site)] == others
    assert list(outcome["Key"]) == others
    assert list(outcome["Outcome"]) == ["already done"]
    removed = site.requests.matching(method="DELETE")
    assert len(removed) == 1
    told = f"another process made it at the same moment; {removed[0].path.rpartition('/')[2]} was removed"
    assert outcome["Detail"][0] == told
    assert plan.apply().equals(outcome)


@pytest.mark.parametrize("nth", range(4))
def test_whenever_another_process_makes_it_there_is_one(nth: int, site: DemoSite, jira: Jira) -> None:
    """Also between the looks that precede the first request: what one of them misses, another has to find."""
    plan = jira.create(FRAME.head(1))
    others = rival(site, plan, after=nth, when=lambda request: True)
    outcome = plan.apply()
    assert [issue.key for issue in made(site)] == others == list(outcome["Key"])
    assert list(outcome["Outcome"]) == ["already done"]


def test_one_whose_answer_was_lost_is_known_by_its_sender(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    others = rival(site, plan)
    site.faults = f"rate=1,kinds=lost,method=POST,path={MADE},times=1"
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["already done"]
    assert [issue.key for issue in made(site)] == others == list(outcome["Key"])


def test_the_earlier_of_two_stays(site: DemoSite, dialect: str) -> None:
    jira = client(site, dialect, concurrency=1)
    plan = jira.create(FRAME.head(2))
    others = rival(site, plan, after=1)
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done", "done"]
    assert others[0] not in set(outcome["Key"])
    assert not site.requests.matching(method="DELETE"), "the other process removes its own"


def test_the_same_row_of_another_account_is_another_issue(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    rival(site, plan, by="someone else")
    assert list(plan.apply()["Outcome"]) == ["done"]
    assert len(made(site)) == 2


def test_an_issue_whose_number_is_taken_but_which_is_not_there_yet_is_waited_for(
    site: DemoSite, jira: Jira
) -> None:
    plan = jira.create(FRAME.head(1))
    others = rival(site, plan)
    hidden: list[str] = []

    def pending(request: Request) -> Response | None:
        if request.method == "GET" and others and request.url.path.endswith(f"/{others[0]}") and not hidden:
            hidden.append(others[0])
            return JSONResponse({"errorMessages": ["Issue does not exist"]}, 404)
        return None

    site.before(pending)
    assert list(plan.apply()["Outcome"]) == ["already done"]
    assert hidden == others
    assert [issue.key for issue in made(site)] == others


def test_one_that_cannot_be_removed_is_told(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    others = rival(site, plan)
    refusal = JSONResponse({"errorMessages": ["You may not delete issues."]}, 403)
    site.before(lambda request: refusal if request.method == "DELETE" else None)
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"]
    assert "it is there twice" in outcome["Detail"][0]
    assert others[0] in outcome["Detail"][0]
    assert "You may not delete issues." in outcome["Detail"][0]
    assert len(made(site)) == 2


def test_one_that_somebody_else_has_removed_already(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    others = rival(site, plan)

    def remove(request: Request) -> None:
        if request.method == "DELETE":
            site.store.delete(request.url.path.rpartition("/")[2])

    site.before(remove)
    assert list(plan.apply()["Key"]) == others


def test_where_others_cannot_be_looked_for_the_issues_are_told_as_made(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    rival(site, plan)
    lines: list[str] = []

    class Listener(context.ExecutionContext):
        def log(self, level: int, message: str) -> None:
            lines.append(message)

    def refuse(request: Request) -> Response | None:
        asks = request.method == "GET" and "properties" in request.query_params
        return JSONResponse({"errorMessages": ["No."]}, 400) if asks else None

    site.before(refuse)
    with context.use(Listener()):
        outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"]
    assert any("whether another process made the same is not known" in line for line in lines)
    assert len(made(site)) == 2


def test_a_site_that_cannot_be_asked_before_gets_nothing_and_may_be_asked_again(
    site: DemoSite, dialect: str
) -> None:
    jira = client(site, dialect, retries=0)
    plan = jira.create(FRAME)
    undo = site.before(lambda request: Response(status_code=503))
    with pytest.raises(UnavailableError, match="503"):
        plan.apply()
    undo()
    assert made(site) == []
    assert list(plan.apply()["Outcome"]) == ["done"] * ROWS
