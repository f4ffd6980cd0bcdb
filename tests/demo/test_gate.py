"""Latency, every kind of fault, hooks and the log: what each request passes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from support.demo_clients import cloud, datacenter

from schedkit.demo import DemoSite, Faults
from schedkit.demo.journal import Answered, Journal

MYSELF = "/rest/api/2/myself"


@pytest.fixture(scope="module")
def running() -> Iterator[DemoSite]:
    with DemoSite(issues=30) as site:
        yield site


@pytest.fixture
def site(running: DemoSite) -> Iterator[DemoSite]:
    yield running
    running.faults, running.latency = None, 0.0
    running.requests.clear()


@pytest.fixture
def http(site: DemoSite) -> Iterator[httpx.Client]:
    with datacenter(site) as client:
        yield client


def test_latency_by_header_and_live(site: DemoSite, http: httpx.Client) -> None:
    begun = time.perf_counter()
    http.get(MYSELF, headers={"X-Demo-Latency": "60ms"})
    assert time.perf_counter() - begun >= 0.06
    site.latency = "50ms"
    assert site.latency == 0.05
    begun = time.perf_counter()
    http.get(MYSELF)
    assert time.perf_counter() - begun >= 0.05


def test_a_bad_header_is_told(http: httpx.Client) -> None:
    answer = http.get(MYSELF, headers={"X-Demo-Faults": "speed=1"})
    assert answer.status_code == 400
    assert "'speed=1' is not understood" in answer.json()["errorMessages"][0]


def test_429_comes_in_four_forms(site: DemoSite, http: httpx.Client) -> None:
    site.faults = "rate=1,kinds=429,after=1s"
    forms = [http.get(MYSELF) for _ in range(4)]
    assert {answer.status_code for answer in forms} == {429}
    by_form: dict[str, httpx.Response] = {}
    for answer in forms:
        retry = answer.headers.get("retry-after", "")
        if retry.isdigit():
            by_form["seconds"] = answer
        elif retry:
            by_form["date"] = answer
        elif "x-ratelimit-reset" in answer.headers:
            by_form["iso"] = answer
        else:
            by_form["nothing"] = answer
    assert set(by_form) == {"seconds", "date", "iso", "nothing"}
    assert by_form["seconds"].headers["retry-after"] == "1"
    wait = parsedate_to_datetime(by_form["date"].headers["retry-after"]).timestamp() - time.time()
    assert -1 <= wait <= 1.5
    assert by_form["iso"].headers["x-ratelimit-reset"].endswith("Z")
    assert by_form["nothing"].headers["content-type"].startswith("text/html")
    assert by_form["nothing"].headers["x-ratelimit-fillrate"] == "10"


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [("503", 503, "Service Unavailable"), ("401", 401, "Unauthorized"), ("html", 200, "Log in")],
)
def test_pages_instead_of_answers(
    site: DemoSite, http: httpx.Client, kind: str, status: int, text: str
) -> None:
    site.faults = Faults(1.0, (kind,))
    answer = http.get(MYSELF)
    assert (answer.status_code, text in answer.text) == (status, True)
    assert answer.headers["content-type"].startswith("text/html")
    assert [entry.fault for entry in site.requests] == [kind]


def test_a_reset_breaks_the_connection(site: DemoSite, http: httpx.Client) -> None:
    site.faults = "kinds=reset"
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        http.get(MYSELF)
    assert [(entry.status, entry.fault) for entry in site.requests] == [(0, "reset")]


def test_a_truncated_answer_breaks_off_or_is_broken_json(site: DemoSite, http: httpx.Client) -> None:
    site.faults = "kinds=truncate"
    ways = set()
    for _ in range(12):
        try:
            answer = http.get(MYSELF)
        except httpx.RemoteProtocolError:
            ways.add("broken off")
        else:
            assert answer.status_code == 200
            with pytest.raises(ValueError):
                answer.json()
            ways.add("broken JSON")
    assert ways == {"broken off", "broken JSON"}


def test_a_stalled_answer_ends_when_the_client_leaves_or_time_is_up(
    site: DemoSite, http: httpx.Client
) -> None:
    site.faults = "kinds=stall"
    with pytest.raises(httpx.ReadTimeout):
        http.get(MYSELF, timeout=0.1)
    site.faults = "kinds=stall,stall=50ms"
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(MYSELF, timeout=60)


def test_a_lost_answer_means_the_write_was_carried_out(site: DemoSite, http: httpx.Client) -> None:
    site.faults = "kinds=lost,method=PUT,times=1"
    body = {"fields": {"summary": "written all the same"}}
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        http.put("/rest/api/2/issue/DEMO-1", json=body)
    assert site.store.get("DEMO-1").summary == "written all the same"
    assert http.put("/rest/api/2/issue/DEMO-1", json=body).status_code == 204


def test_faults_may_be_narrowed(site: DemoSite, http: httpx.Client) -> None:
    site.faults = "kinds=503,path=/field,times=2"
    assert http.get(MYSELF).status_code == 200
    assert [http.get("/rest/api/2/field").status_code for _ in range(3)] == [503, 503, 200]
    site.faults = "kinds=503,method=POST"
    assert http.get(MYSELF).status_code == 200
    assert http.post("/rest/api/2/search", json={}).status_code == 503
    site.faults = "kinds=503,times=1"
    assert [http.get(MYSELF).status_code for _ in range(2)] == [503, 200]


def test_faults_by_header_are_met_at_their_rate(site: DemoSite) -> None:
    with datacenter(site, **{"X-Demo-Faults": "rate=0.3,kinds=503"}) as http:
        statuses = [http.get(MYSELF).status_code for _ in range(200)]
    assert 35 <= statuses.count(503) <= 85
    assert site.requests.by_status() == {200: statuses.count(200), 503: statuses.count(503)}


def test_a_seed_makes_the_same_faults() -> None:
    runs = []
    for _ in range(2):
        with DemoSite(issues=5, seed=3, faults="rate=0.5,kinds=503") as site, datacenter(site) as http:
            runs.append([http.get(MYSELF).status_code for _ in range(30)])
    assert runs[0] == runs[1]


def test_a_url_may_not_grow_beyond_eight_kilobytes(http: httpx.Client) -> None:
    assert http.get("/rest/api/2/search", params={"jql": "x" * 8200}).status_code == 414
    long = " OR ".join(["key = DEMO-1"] * 800)
    assert http.post("/rest/api/2/search", json={"jql": long}).json()["total"] == 1


def test_hooks_see_and_may_answer(site: DemoSite, http: httpx.Client) -> None:
    seen: list[str] = []

    def script(request: Request) -> Response | None:
        seen.append(request.url.path)
        return PlainTextResponse("scripted", 418) if request.url.path.endswith("field") else None

    remove = site.before(script)
    answered: list[Answered] = []
    forget = site.after(answered.append)
    assert http.get("/rest/api/2/field").status_code == 418
    assert http.get(MYSELF).status_code == 200
    remove()
    forget()
    assert http.get("/rest/api/2/field").status_code == 200
    assert seen == ["/jira/rest/api/2/field", "/jira" + MYSELF]
    assert [(entry.method, entry.status) for entry in answered] == [("GET", 418), ("GET", 200)]


def test_the_log_counts(site: DemoSite, http: httpx.Client) -> None:
    http.get(MYSELF)
    http.get("/rest/api/2/field?x=1")
    http.get("/rest/api/2/nothing")
    log = site.requests
    assert len(log) == 3
    assert log.count(path="/field") == 1
    assert log.count(method="GET", status=200) == 2
    assert log.count(method="POST") == 0
    (entry,) = log.matching(path="/field")
    assert (entry.query, entry.size > 1000) == ("x=1", True)
    log.clear()
    assert len(log) == 0


def test_answers_carry_a_date(http: httpx.Client) -> None:
    assert abs(parsedate_to_datetime(http.get(MYSELF).headers["date"]).timestamp() - time.time()) < 5


def test_quirks_repeat_tokens_and_empty_a_page(site: DemoSite) -> None:
    with cloud(site) as http:
        body = {"jql": "created > 0", "maxResults": 10}
        site.quirks.repeat_token = True
        first = http.post("/rest/api/3/search/jql", json=body).json()["nextPageToken"]
        second = http.post("/rest/api/3/search/jql", json=body | {"nextPageToken": first}).json()
        assert second["nextPageToken"] == first
        site.quirks.repeat_token = False
        site.quirks.empty_page = 2
        http.post("/rest/api/3/search/jql", json=body)
        hollow = http.post("/rest/api/3/search/jql", json=body | {"nextPageToken": first}).json()
        assert (hollow["issues"], hollow["isLast"]) == ([], False)
        after = http.post(
            "/rest/api/3/search/jql", json=body | {"nextPageToken": hollow["nextPageToken"]}
        ).json()
        assert len(after["issues"]) == 10
        site.quirks.bulk_errors = {"DEMO-2", "10001"}
        fetch = {"issueIdsOrKeys": ["10001", "DEMO-2", "10004"]}
        answer = http.post("/rest/api/3/issue/bulkfetch", json=fetch).json()
        assert [error["id"] for error in answer["issueErrors"]] == ["10001", "DEMO-2"]
        site.quirks.bulk_errors = set()


def test_quirks_empty_a_window(site: DemoSite, http: httpx.Client) -> None:
    site.quirks.empty_page = 1
    hollow = http.get("/rest/api/2/search").json()
    assert (hollow["issues"], hollow["total"]) == ([], 30)
    assert len(http.get("/rest/api/2/search").json()["issues"]) == 30


def test_an_empty_journal_counts_nothing() -> None:
    assert Journal().by_status() == {}
