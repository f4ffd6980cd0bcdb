"""The pace that a real bucket of requests enforces, and logins that run out, over the demo site."""

from __future__ import annotations

import anyio

from schedkit.atlassian import Clock, OAuth2
from schedkit.demo import DemoSite
from schedkit.jira import Jira
from tests.jira.conftest import client


class VirtualClock(Clock):
    """Time that passes only where somebody sleeps: however slow the machine, the pace is the same."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def time(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        until = self.seconds + seconds + 1e-6  # a wait too short for the float's digits still ends
        # Those who sleep meanwhile are woken in the order of their times.
        await anyio.sleep(seconds / 20)
        self.seconds = max(self.seconds, until)


ALL = "project is not EMPTY ORDER BY key"


def test_the_limiter_keeps_the_pace_a_site_allows(dialect: str) -> None:
    clock = VirtualClock()
    begun = clock.time()
    with DemoSite(issues=60, page_cap=3, rate_limit=12.0, quota_clock=clock.time) as site:
        jira = client(site, dialect, concurrency=16, clock=clock, backoff=0.05)
        df = jira.search(ALL)
        facts = df.attrs["extraction"]
        assert len(df) == 60
        assert facts["exact"]
        paces = jira.site.gate.limiters
        assert paces["GET /rest/api/2/field"].window == 16, "other endpoints keep their pace"
        if dialect == "dc":
            # It tells how many requests are left and how fast they come back: none needs be refused, but
            # for what a full bucket loses while a busy machine has requests ready and does not send them.
            assert facts["throttled"] <= 4
            assert facts["requests"] > 30
            assert clock.time() - begun > 1.5
        else:
            # It tells how many are left, but not how fast they come back.
            assert facts["throttled"] < facts["requests"] / 4
            slowed = [pace for name, pace in paces.items() if "search" in name]
            assert min(pace.window for pace in slowed) < 16


def test_a_quota_lowered_midway_costs_a_few_refusals() -> None:
    clock = VirtualClock()
    with DemoSite(issues=60, page_cap=3, rate_limit=50.0, quota_clock=clock.time) as site:
        jira = client(site, "dc", concurrency=16, clock=clock, backoff=0.05)
        jira.fields()
        seen = iter(range(10**6))

        def lower(request) -> None:
            if request.url.path.endswith("/search") and next(seen) == 6:
                site.rate_limit = 8.0

        site.before(lower)
        facts = jira.search(ALL).attrs["extraction"]
        assert facts["exact"]
        assert next(seen) > 6, "it was lowered"
        # None, where the machine asks more slowly than the site allows; on a busy one those that are under
        # way, and once more those of which it heard late.
        assert facts["throttled"] <= 2 * 16


def test_a_login_that_runs_out_midway_is_renewed() -> None:
    with DemoSite(issues=200, page_cap=20) as site:
        kept: list[tuple[str, str]] = []
        login = OAuth2(
            site.oauth.client_id,
            site.oauth.client_secret,
            site.oauth.refresh_token,
            token_url=f"{site.url}/oauth/token",
            on_refresh=lambda access, refresh: kept.append((access, refresh)),
        )
        jira = Jira(site.jira_cloud.url, oauth2=login)
        assert len(jira.search(ALL)) == 200
        assert len(kept) == 1
        seen = iter(range(10**6))

        def expire(request) -> None:
            if "/search" in request.url.path and next(seen) == 4:
                site.oauth.expire()

        site.before(expire)
        df = jira.search(ALL)
        assert len(df) == 200
        assert df.attrs["extraction"]["exact"]
        assert len(kept) == 2, "renewed once, not by every request that was refused"
        assert login.refresh_token == kept[-1][1]
        for secret in (*kept[0], *kept[1], site.oauth.client_secret):
            assert secret not in repr(jira) + repr(login) + str(df.attrs)
