"""What real sites do to an extraction: each case on the demo site's knobs, judged by its books."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

import pandas as pd
import pytest
from starlette.responses import Response

from schedkit import context
from schedkit.atlassian import RequestStats
from schedkit.demo import DemoSite
from schedkit.errors import AuthError, BadAnswerError, SiteError, StopRequested, UnavailableError
from schedkit.jira import Jira, to_frame
from schedkit.jira.pages import offset_paging
from schedkit.jira.pages.completeness import Completeness
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def keys(site: DemoSite) -> set[str]:
    return {issue.key for issue in site.store.visible()}


def once(site: DemoSite, path: str, act: Callable[[], object], skip: int = 0) -> None:
    """Do `act` on the site when the `skip`-th next request to `path` arrives, before it is answered."""
    seen = iter(range(10**6))

    def hook(request) -> None:
        if path in request.url.path and next(seen) == skip:
            act()

    site.before(hook)


SEARCH = {"cloud": "/issue/bulkfetch", "dc": "/search"}


# 1


def test_a_repeated_page_token_is_an_error_not_a_loop() -> None:
    with DemoSite(issues=120, page_cap=20) as site:
        site.quirks.repeat_token = True
        site.before(lambda request: Response(status_code=410) if len(site.requests) > 200 else None)
        with pytest.raises(BadAnswerError, match="repeats the page token"):
            client(site, "cloud").search(ALL)
        assert len(site.requests) < 30


# 2


def test_an_empty_page_in_the_middle_loses_nothing() -> None:
    with DemoSite(issues=120, page_cap=25) as site:
        jira = client(site, "dc")
        jira.fields()
        site.quirks.empty_page = 3
        df = jira.search(ALL)
        assert set(df["Key"]) == keys(site)
        assert df.attrs["extraction"]["complete"]


def test_pages_that_stay_empty_are_an_error() -> None:
    from starlette.responses import JSONResponse

    with DemoSite(issues=60, page_cap=25) as site:
        jira = client(site, "dc")
        jira.fields()

        def empty(request):
            if request.url.path.endswith("/search"):
                return JSONResponse({"startAt": 0, "maxResults": 25, "total": 60, "issues": []})
            return None

        site.before(empty)
        with pytest.raises(BadAnswerError, match="is empty although the site counts 60"):
            jira.search(ALL)


# 3


def test_the_page_size_shrinks_midway() -> None:
    with DemoSite(issues=200, page_cap=50) as site:
        jira = client(site, "dc", concurrency=1)
        once(site, "/search", lambda: setattr(site, "page_cap", 7), skip=1)
        df = jira.search(ALL)
        assert list(df["Key"].sort_values()) == sorted(keys(site))
        assert df["Key"].is_unique


# 4


def test_issues_created_deleted_and_edited_meanwhile(dialect: str) -> None:
    with DemoSite(issues=150, page_cap=20) as site:
        store = site.store

        def meddle() -> None:
            victims = sorted(i.key for i in store.visible() if not store.children.get(i.id))
            store.delete(victims[3])
            store.delete(victims[-2])
            store.edit("DEMO-1", summary="Edited meanwhile")
            store.edit("OPS-2", summary="Also edited")
            store.create("DEMO", "Born meanwhile")

        once(site, SEARCH[dialect], meddle, skip=1)
        df = client(site, dialect, concurrency=2).search(ALL)
        assert df["Key"].is_unique
        assert set(df["Key"]) == keys(site)
        by_key = df.set_index("Key")["Summary"]
        assert by_key["DEMO-1"] == "Edited meanwhile"
        assert by_key["OPS-2"] == "Also edited"
        assert "Born meanwhile" in set(by_key)
        facts = df.attrs["extraction"]
        assert facts["complete"]
        assert facts["exact"], "the second look found nothing new"
        assert facts["appeared"] >= 1


def test_an_issue_edited_while_the_proof_looks(dialect: str) -> None:
    with DemoSite(issues=120, page_cap=20) as site:
        jira = client(site, dialect)
        jira.fields()
        path = "/search"
        edited: list[int] = []
        # The issues are there; the look for changes has begun.
        once(
            site, path, lambda: edited.append(site.store.edit("DEMO-2", summary="Late edit").updated), skip=8
        )
        df = jira.search(ALL)
        held = df.set_index("Key")["Summary"]["DEMO-2"]
        facts = df.attrs["extraction"]
        assert edited
        assert facts["exact"]
        end = datetime.fromisoformat(facts["as_of"][1]).timestamp() * 1000
        assert (held == "Late edit") == (edited[0] <= end)


def test_a_site_that_never_rests_says_so(dialect: str) -> None:
    with DemoSite(issues=110, page_cap=50) as site:
        number = iter(range(10**6))
        site.before(lambda request: site.store.edit("DEMO-1", summary=f"edit {next(number)}") and None)
        df = client(site, dialect).search(ALL)
        facts = df.attrs["extraction"]
        assert set(df["Key"]) == keys(site)
        assert not facts["exact"]
        assert facts["complete"]
        assert facts["changed"] >= 1
        assert facts["as_of"][0] <= facts["as_of"][1]


# 5


def test_bulkfetch_refuses_some_and_issues_move() -> None:
    with DemoSite(issues=150) as site:
        site.quirks.bulk_errors = {"DEMO-3"}
        once(site, "/issue/bulkfetch", lambda: site.store.move("DEMO-5", "OPS"))
        lines: list[str] = []

        class Listener(context.ExecutionContext):
            def log(self, level: int, message: str) -> None:
                lines.append(message)

        with context.use(Listener()):
            df = client(site, "cloud").search("project in (DEMO, OPS) ORDER BY key")
        refused = site.store.get("DEMO-3")
        facts = df.attrs["extraction"]
        expected = {k for k in keys(site) if k.split("-")[0] in ("DEMO", "OPS")} - {"DEMO-3"}
        assert set(df["Key"]) == expected
        assert "DEMO-5" not in set(df["Key"])
        assert list(facts["missing"]) == [str(refused.id)]
        assert "listed" not in facts["missing"][str(refused.id)], "the site's own reason"
        assert not facts["complete"]
        assert facts["requested"] == facts["returned"] + 1
        assert any("1 issues could not be fetched" in line for line in lines)


# 6


def test_every_form_of_limit_on_the_way(dialect: str) -> None:
    with DemoSite(issues=300, page_cap=20, faults="rate=0.3,kinds=429,after=0s") as site:
        df = client(site, dialect).search(ALL)
        facts = df.attrs["extraction"]
        assert set(df["Key"]) == keys(site)
        assert facts["throttled"] >= 4
        assert facts["exact"]


# 7


@pytest.mark.parametrize(
    ("faults", "error", "words"),
    [
        ("rate=1,kinds=html,path=/search", AuthError, "login page"),
        ("rate=1,kinds=401,path=/search", AuthError, "login was refused"),
        ("rate=1,kinds=truncate,path=/search", SiteError, "not valid JSON|got no answer"),
        ("rate=1,kinds=503,path=/search", UnavailableError, "answered 503"),
    ],
)
def test_a_site_that_breaks_midway_fails_loudly(dialect: str, faults: str, error: type, words: str) -> None:
    with DemoSite(issues=120, page_cap=20) as site:
        jira = client(site, dialect, retries=2)
        jira.fields()
        once(site, "/search", lambda: setattr(site, "faults", faults), skip=2)
        with pytest.raises(error, match=words):
            jira.search(ALL)


# 8


@pytest.mark.parametrize("beyond", ["empty", "fail", "serve"])
def test_results_longer_than_the_site_pages_through(long_site: DemoSite, beyond: str) -> None:
    long_site.quirks.beyond_window = beyond
    df = client(long_site, "dc", concurrency=4).search("project is not EMPTY", fields=["Id"])
    assert len(df) == len(long_site.store) == 10_400
    assert set(df["Key"]) == keys(long_site)
    assert df.attrs["extraction"]["exact"]
    assert df.attrs["extraction"]["warnings"] == []


def test_a_long_result_keeps_its_order(long_site: DemoSite) -> None:
    long_site.quirks.beyond_window = "empty"
    jql = "project is not EMPTY ORDER BY  priority DESC, updated"
    df = client(long_site, "dc").search(jql, fields=["Id"])
    assert df.attrs["extraction"]["exact"]
    assert df.attrs["extraction"]["warnings"] == []
    assert [int(id) for id in df["Id"]] == list(long_site.dc.searcher.search(jql).ids)


def test_an_order_that_cannot_be_kept_is_told(long_site: DemoSite) -> None:
    long_site.quirks.beyond_window = "empty"
    df = client(long_site, "dc").search("project is not EMPTY ORDER BY  labels", fields=["Created"])
    assert df.attrs["extraction"]["exact"]
    (warning,) = df.attrs["extraction"]["warnings"]
    assert warning.endswith("by time of creation, not ORDER BY labels")
    late = df["Created"].to_numpy()[5_000:].min()
    assert (df["Created"].to_numpy()[:1_000] <= late).all()


def test_growing_beyond_what_the_site_pages_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_paging, "RESULT_WINDOW", 100)
    with DemoSite(issues=100, page_cap=30) as site:
        born = iter(range(10**6))

        def hook(request):
            # The second round of searches: four windows have been read, the ids are being listed.
            if request.url.path.endswith("/search") and next(born) == 5:
                for number in range(7):
                    site.store.create("DEMO", f"Born {number}")

        site.before(hook)
        df = client(site, "dc").search(ALL)
        assert set(df["Key"]) == keys(site)
        assert len(df) == 107
        assert df.attrs["extraction"]["exact"]


@pytest.fixture(scope="module")
def long_site():
    with DemoSite(issues=10_400) as site:
        yield site


# 9


def test_long_and_awkward_queries_keep_their_meaning(dialect: str, demo_site: DemoSite) -> None:
    jira = client(demo_site, dialect)
    some = sorted(keys(demo_site))[:250]
    long = (
        f'summary ~ "no such words at all" OR key in ({", ".join(some)}) ' + " " * 8000 + "order  by key desc"
    )
    df = jira.search(long)
    assert len(df) == 250
    assert df.attrs["extraction"]["exact"]
    quoted = jira.search("text ~ \"order by\" or project = 'OPS' ORDER BY key")
    assert {k for k in keys(demo_site) if k.startswith("OPS-")} <= set(quoted["Key"])


# 12


def test_stopping_is_prompt(dialect: str) -> None:
    with DemoSite(issues=200, page_cap=20) as site:
        jira = client(site, dialect)
        jira.fields()
        site.latency = 2.0

        class Run(context.ExecutionContext):
            def __init__(self) -> None:
                self.stop = threading.Event()
                self.callbacks: list[Callable[[], object]] = []

            def should_stop(self) -> bool:
                return self.stop.is_set()

            def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
                self.callbacks.append(callback)
                return lambda: None

            def cancel(self) -> None:
                self.stop.set()
                for callback in self.callbacks:
                    callback()

        run = Run()
        outcome: list[BaseException] = []
        waiting = threading.Event()
        site.before(lambda request: waiting.set())

        def work() -> None:
            try:
                with context.use(run):
                    jira.search(ALL)
            except StopRequested as stopped:
                outcome.append(stopped)

        thread = threading.Thread(target=work)
        thread.start()
        assert waiting.wait(60)
        run.cancel()
        thread.join(60)
        assert outcome, "a search that was cancelled still waits for its site"
        assert jira.site.gate.ceiling == jira.site.concurrency


def test_no_secret_is_printed_by_a_failing_run(dialect: str, caplog, capfd) -> None:
    with DemoSite(issues=120, page_cap=20) as site:
        jira = client(site, dialect, retries=1)
        jira.fields()
        site.faults = "rate=1,kinds=429|503|reset|truncate|html,path=/search,after=0s"
        with caplog.at_level(logging.DEBUG), pytest.raises(SiteError) as caught:
            jira.search(ALL)
        endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
        printed = (
            caplog.text + "".join(capfd.readouterr()) + repr(caught.value) + repr(jira) + repr(vars(jira))
        )
        assert endpoint.token not in printed


def test_the_frame_with_a_fifth_of_requests_failing_equals_the_faultless_one(dialect: str) -> None:
    with DemoSite(issues=300, page_cap=10) as site:
        jira = client(site, dialect, timeout=0.4, retries=10)
        clean = jira.search(ALL, fields="*all")
        site.faults = "rate=0.2,kinds=429|503|reset|truncate|stall,after=0s,stall=1s"
        shaken = jira.search(ALL, fields="*all")
        facts = shaken.attrs["extraction"]
        assert facts["retries"] > 5
        assert facts["exact"]
        pd.testing.assert_frame_equal(clean, shaken)


def test_sprints_and_unknown_nodes_flatten_alike() -> None:
    text = "com.atlassian.greenhopper.service.sprint.Sprint@1f2[id=1,rapidViewId=2,name=a, b,goal=x]"
    doc = {
        "type": "doc",
        "version": 1,
        "content": [
            {
                "type": "hologram",
                "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hi"}]}],
            }
        ],
    }
    schema = {
        "customfield_1": {"type": "array", "items": "json", "custom": "com.pyxis.greenhopper.jira:gh-sprint"}
    }
    issues = [
        {"id": "1", "key": "A-1", "fields": {"customfield_1": [text], "description": "hi"}},
        {
            "id": "2",
            "key": "A-2",
            "fields": {"customfield_1": [{"id": 1, "name": "a, b"}], "description": doc},
        },
    ]
    df = to_frame({"issues": issues, "schema": schema, "names": {"customfield_1": "Sprint"}})
    assert list(df["Sprint"]) == [("a, b",), ("a, b",)]
    assert list(df["Description"]) == ["hi", "hi"]


def test_the_report_of_completeness_is_json() -> None:
    import json
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    told = Completeness("x", "project = A", now, now).as_attrs(
        RequestStats(requests=7, retries=2, limited=1, bytes=99, seconds=0.1234)
    )
    assert json.loads(json.dumps(told)) == told
    assert [told[name] for name in ("requests", "retries", "throttled", "bytes", "seconds")] == [
        7,
        2,
        1,
        99,
        0.123,
    ]


def test_the_login_is_checked_before_an_empty_result_is_believed() -> None:
    with DemoSite(issues=20) as site:
        for endpoint in (site.jira_cloud, site.jira_dc):
            with pytest.raises(AuthError):
                Jira(endpoint.url, user=endpoint.user, token="not-the-token").search(ALL)


def test_one_odd_date_changes_no_column(dialect: str) -> None:
    with DemoSite(issues=60) as site:
        site.store.edit("DEMO-2", due="20266-02-01")
        lines: list[str] = []

        class Listener(context.ExecutionContext):
            def log(self, level: int, message: str) -> None:
                lines.append(message)

        with context.use(Listener()):
            df = client(site, dialect).search("project = DEMO ORDER BY key")
        assert str(df["Due"].dtype) == "datetime64[us, UTC]"
        facts = df.attrs["extraction"]
        assert facts["unreadable"] == {"Due": {"DEMO-2": "'20266-02-01'"}}
        assert facts["warnings"] == lines
        assert lines == ["1 values of Due could not be read and are left out, e.g. DEMO-2: '20266-02-01'"]
        assert facts["complete"]
