"""Whatever people do to the issues during an extraction, at whichever request: the frame tells the truth.

What was there at which moment is known to the site alone, and the test asks it.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from schedkit.demo import DemoSite
from schedkit.demo.jql.evaluate import Found
from schedkit.jira.search.query import Check, Checks
from tests.jira.conftest import DIALECTS, client

JQL = "project = DEMO ORDER BY key"
# (at which request, what, which issue)
ACTIONS = st.tuples(
    st.integers(0, 24),
    st.sampled_from(
        ["edit", "edit", "create", "delete", "move away", "move in", "transition", "conceal", "edit, reveal"]
    ),
    st.integers(0, 200),
)


# Key and summary of every issue.
State = dict[int, tuple[str, str]]


class History:
    """Every state that the query's result has had."""

    def __init__(self, site: DemoSite) -> None:
        self.site = site
        # From when on, until when, what; a deed takes a moment, during which both states count.
        self.states: list[list[Any]] = [[0.0, float("inf"), self._now()]]

    def _now(self) -> State:
        return {i.id: (i.key, i.summary) for i in self.site.store.visible() if i.project.key == "DEMO"}

    def do(self, what: str, which: int) -> None:
        began = time.time() * 1000
        act(self.site, what, which)
        self.states[-1][1] = time.time() * 1000
        self.states.append([began, float("inf"), self._now()])

    def between(self, start: float, end: float) -> list[State]:
        """The states that held at some moment of the window, whose times are told to the millisecond."""
        return [state for began, ended, state in self.states if began <= end + 1 and ended >= start]


def act(site: DemoSite, what: str, which: int) -> None:
    store = site.store
    project = "OPS" if what == "move in" else "DEMO"
    issues = [store.issues[id] for id in store.secret] if what == "edit, reveal" else store.visible()
    keys = sorted(issue.key for issue in issues if issue.project.key == project)
    if not keys:
        return
    key = keys[which % len(keys)]
    if what == "edit":
        store.edit(key, summary=f"Edited {store.revision}")
    elif what == "create":
        store.create("DEMO", f"Born {store.revision}")
    elif what == "delete":
        store.delete(key)
    elif what == "conceal":
        store.conceal(key)
    elif what == "edit, reveal":
        with store.lock:
            store.edit(key, summary=f"Edited unseen {store.revision}")
            store.conceal(key, secret=False)
    elif what == "transition":
        issue = store.get(key)
        store.transition(key, next(s for s in issue.project.statuses if s is not issue.status))
    else:
        store.move(key, "DEMO" if what == "move in" else "OPS")


def meddle(site: DemoSite, plan: list[tuple[int, str, int]]) -> History:
    history = History(site)
    seen = iter(range(10**6))

    def hook(request) -> None:
        if "/search" not in request.url.path and "/bulkfetch" not in request.url.path:
            return
        number = next(seen)
        for at, what, which in plan:
            if at == number:
                history.do(what, which)

    site.before(hook)
    return history


def wrong(held: State, state: State) -> dict[int, tuple[object, object]]:
    """What is different, as (in the frame, on the site)."""
    return {i: (held.get(i), state.get(i)) for i in {*held, *state} if held.get(i) != state.get(i)}


def truthful(df: pd.DataFrame, history: History) -> None:
    facts = df.attrs["extraction"]
    start, end = (datetime.fromisoformat(at).timestamp() * 1000 for at in facts["as_of"])
    held = {int(id): (key, text) for id, key, text in zip(df["Id"], df["Key"], df["Summary"], strict=True)}
    assert len(held) == len(df) == facts["returned"]
    if facts["exact"]:
        # The frame is the site's state at the end of the window.
        assert not min((wrong(held, state) for state in history.between(end, end)), key=len)
        return
    states = history.between(start, end)
    for id, row in held.items():
        assert row in [state.get(id) for state in states], "each issue was so at some moment of the window"
    always = set.intersection(*(set(state) for state in states))
    assert always - set(held) <= {int(id) for id in facts["missing"]}, "none that was always there is lost"


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=2000 if os.environ.get("SCHEDKIT_THOROUGH") else 40)
@given(plan=st.lists(ACTIONS, max_size=6), concurrency=st.sampled_from([1, 3, 16]))
# Gone by one check, back by the next: what is held of it is from outside.
@example(plan=[(1, "move away", 0), (14, "move in", 96)], concurrency=1)
def test_the_frame_is_the_state_of_some_moment(
    dialect: str, plan: list[tuple[int, str, int]], concurrency: int
) -> None:
    with DemoSite(
        issues=400 if dialect == "cloud" else 150, page_cap=40 if dialect == "cloud" else 12
    ) as site:
        jira = client(site, dialect, concurrency=concurrency)
        jira.fields()
        history = meddle(site, plan)
        truthful(jira.search(JQL, fields=["Id", "Summary"]), history)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("what", ["edit", "delete", "create", "move away", "move in", "conceal"])
def test_every_request_may_be_the_one(dialect: str, what: str) -> None:
    """The same deed before each of the requests in turn, the issue early or late in the order."""
    outcomes: list[bool] = []
    for at in range(0, 22, 1 if os.environ.get("SCHEDKIT_THOROUGH") else 3):
        with DemoSite(
            issues=330 if dialect == "cloud" else 150, page_cap=30 if dialect == "cloud" else 12
        ) as site:
            jira = client(site, dialect, concurrency=4)
            jira.fields()
            history = meddle(site, [(at, what, at * 7)])
            df = jira.search(JQL, fields=["Id", "Summary"])
            truthful(df, history)
            outcomes.append(df.attrs["extraction"]["exact"])
    assert all(outcomes), "one deed is followed by a check that finds no other"


def test_what_is_deleted_before_it_is_fetched_is_not_missed() -> None:
    """Listed by both passes, gone when its turn came: a third list shows that it is no more."""
    with DemoSite(issues=330) as site:
        jira = client(site, "cloud", concurrency=16, retries=1000)
        jira.fields()
        gone: list[str] = []

        def hook(request) -> Response | None:
            if "/bulkfetch" not in request.url.path or gone:
                return None
            if len(site.requests.matching(path="/rest/api/3/search/jql")) < 2:
                return Response(status_code=503)  # until the second list is made
            last = max(site.store.visible(), key=lambda issue: (issue.project.key, issue.number))
            gone.append(last.key)
            site.store.delete(last.key)
            return None

        site.before(hook)
        df = jira.search("project is not EMPTY ORDER BY key", fields=["Id", "Summary"])
        assert gone
        facts = df.attrs["extraction"]
        assert facts["missing"] == {}
        assert facts["exact"]
        assert not set(gone) & set(df["Key"])


def test_what_leaves_and_comes_back_between_two_checks_is_fetched_again(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed by both; what asks for recent changes ran just while it was away."""
    with DemoSite(
        issues=400 if dialect == "cloud" else 150, page_cap=40 if dialect == "cloud" else 12
    ) as site:
        jira = client(site, dialect, concurrency=3)
        jira.fields()
        store, searcher = site.store, (site.cloud if dialect == "cloud" else site.dc).searcher
        check, search = Checks.check, searcher.search
        moves: list[str] = []

        async def checking(self: Checks, since: int) -> Check:
            moves.append("check")
            if moves.count("check") == 2:
                moves.append(store.move("DEMO-1", "OPS").key)
            return await check(self, since)

        def searching(jql: str, strict: bool = True, unseen: bool = False) -> Found:
            recent = "updated >=" in jql
            if recent and "edit" not in moves:
                moves.append("edit")  # so that the first check is not the last
                store.edit("DEMO-2", summary="Edited meanwhile")
            found = search(jql, strict, unseen)
            if recent and moves[-1].startswith("OPS-"):
                moves.append(store.move(moves[-1], "DEMO").key)
            return found

        monkeypatch.setattr(Checks, "check", checking)
        monkeypatch.setattr(searcher, "search", searching)
        df = jira.search(JQL, fields=["Id", "Summary"])
        assert moves[-1] == "check", "and then it is checked once more"
        assert df.attrs["extraction"]["exact"]
        assert set(df["Key"]) == {i.key for i in store.visible() if i.project.key == "DEMO"}


def test_what_comes_after_a_check_has_listed_and_goes_before_the_next_is_found(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list held it; but it was there when the second check began."""
    with DemoSite(
        issues=400 if dialect == "cloud" else 150, page_cap=40 if dialect == "cloud" else 12, latency=0.01
    ) as site:
        site.store.conceal("DEMO-1")
        jira = client(site, dialect)
        jira.fields()
        history = History(site)
        searcher = (site.cloud if dialect == "cloud" else site.dc).searcher
        check, search = Checks.check, searcher.search
        checks: list[int] = []

        async def checking(self: Checks, since: int) -> Check:
            checks.append(since)
            return await check(self, since)

        def searching(jql: str, strict: bool = True, unseen: bool = False) -> Found:
            if "updated >=" in jql and len(history.states) == 1:
                history.do("edit, reveal", 0)
            if "updated >=" not in jql and len(checks) == len(history.states) == 2:
                history.do("delete", 0)
            return search(jql, strict, unseen)

        monkeypatch.setattr(Checks, "check", checking)
        monkeypatch.setattr(searcher, "search", searching)
        df = jira.search(JQL, fields=["Id", "Summary"])
        assert len(history.states) == 3
        assert df.attrs["extraction"]["exact"]
        truthful(df, history)


def test_a_quiet_site_is_listed_twice_not_three_times(dialect: str) -> None:
    """The check that begins before the first pass has ended is proof enough where nobody works."""
    with DemoSite(issues=330 if dialect == "cloud" else 150, page_cap=25) as site:
        jira = client(site, dialect)
        jira.fields()
        before = len(site.requests)
        df = jira.search("project is not EMPTY ORDER BY key")
        assert df.attrs["extraction"]["exact"]
        pages = -(-330 // 25) + 330 // 100 + 1 + -(-330 // 25) if dialect == "cloud" else 6 + 6
        logins = 0 if dialect == "cloud" else 2
        assert len(site.requests) - before == pages + 1 + logins, "and once what was updated lately"
