"""A rate limit that is really kept, packed answers, and other time zones."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
from starlette.requests import Request
from support.demo_clients import cloud, datacenter

from schedkit.demo import DemoSite
from schedkit.demo.quota import Quota


def asked(path: str, method: str = "GET") -> Request:
    return Request({"type": "http", "method": method, "path": path, "headers": [], "query_string": b""})


def test_a_bucket_fills_with_time_and_holds_a_burst() -> None:
    now = [0.0]
    quota = Quota(2.0, lambda: now[0])
    assert [quota.take(asked("/rest/api/2/field")) for _ in range(3)] == [1.0, 0.0, -1.0]
    now[0] = 0.5
    assert quota.take(asked("/rest/api/2/field")) == 0.0
    assert quota.take(asked("/rest/api/2/field")) < 0
    now[0] = 100.0
    assert quota.take(asked("/rest/api/2/field")) == 1.0


def test_each_endpoint_and_method_has_its_own_bucket() -> None:
    quota = Quota(1.0, lambda: 0.0)
    for request in (asked("/issue/DEMO-1"), asked("/issue/DEMO-1", "PUT"), asked("/search")):
        assert quota.take(request) == 0.0
    for same in ("/issue/DEMO-2", "/issue/10001"):
        assert quota.take(asked(same)) < 0
    assert quota.take(asked("/content/100001/child/attachment/att5/data")) == 0.0
    assert quota.take(asked("/content/100002/child/attachment/att6/data")) < 0


def test_a_site_keeps_its_limit_and_says_so() -> None:
    with DemoSite(issues=5, rate_limit=3, quota_clock=lambda: 0.0) as site:
        assert site.rate_limit == 3
        with cloud(site) as http:
            answers = [http.get("/rest/api/3/myself") for _ in range(5)]
            assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
            assert answers[0].headers["x-ratelimit-remaining"] == "2"
            assert answers[-1].headers["retry-after"] == "1"
            assert http.get("/rest/api/3/field").status_code == 200
        with datacenter(site) as http:
            answers = [http.get("/rest/api/2/myself") for _ in range(4)]
            assert answers[0].headers["retry-after"] == "0"
            assert answers[0].headers["x-ratelimit-fillrate"] == "3"
            assert answers[-1].status_code == 429
            assert answers[-1].headers["content-type"].startswith("text/html")
            site.rate_limit = 0
            assert http.get("/rest/api/2/myself").status_code == 200


def test_answers_are_packed_for_who_takes_it() -> None:
    with DemoSite(issues=20, gzip=True) as site, datacenter(site) as http:
        packed = http.get("/rest/api/2/search")
        assert packed.headers["content-encoding"] == "gzip"
        plain = http.get("/rest/api/2/search", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert packed.json() == plain.json()
        assert int(packed.headers["content-length"]) < len(plain.content) / 3
        assert "content-encoding" not in http.get("/rest/api/2/myself/").headers


def test_another_time_zone_and_clock() -> None:
    night = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    with DemoSite(issues=20, zone="America/New_York", now=night) as site, datacenter(site) as http:
        assert http.get("/rest/api/2/myself").json()["timeZone"] == "America/New_York"
        told = http.get("/rest/api/2/serverInfo").json()["serverTime"]
        assert told.startswith("2026-03-28T20:3")
        assert told.endswith("-0400")
        made = site.store.create(summary="after the anchor")
        found = http.get("/rest/api/2/search", params={"jql": 'created >= "2026-03-28 20:30"'}).json()[
            "issues"
        ]
        assert [issue["key"] for issue in found] == [made.key]


def test_two_sites_of_one_seed_and_clock_are_equal() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    shown = []
    for _ in range(2):
        with DemoSite(issues=15, now=now) as site, datacenter(site) as http:
            url = f"{site.jira_dc.url}/"
            answer: httpx.Response = http.get("/rest/api/2/search", params={"fields": "*all"})
            shown.append(answer.text.replace(url, ""))
    assert shown[0] == shown[1]
