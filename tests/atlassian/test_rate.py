"""A site's own rate: so many requests in a period, whatever the site allows."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.app import App
from schedkit.atlassian import Site
from schedkit.atlassian.messages import Request
from schedkit.atlassian.rate_limiter import Pace
from schedkit.errors import RateLimitedError, UsageError
from schedkit.loop import service
from schedkit.settings import Settings, SiteSettings

from .conftest import FastClock, Scripted


def test_a_pace_admits_so_many_in_any_period() -> None:
    pace, now, starts = Pace(3, 10.0), 0.0, []
    for _ in range(9):
        now += pace.wait(now)
        pace.book(now)
        starts.append(now)
        now += 0.5
    assert starts == [0.0, 0.5, 1.0, 10.0, 10.5, 11.0, 20.0, 20.5, 21.0]


def test_those_who_ask_at_once_get_one_place_each() -> None:
    pace, waits = Pace(2, 10.0), []
    for _ in range(6):
        waits.append(pace.wait(0.0))
        pace.book(0.0)
    assert waits == [0.0, 0.0, 10.0, 10.0, 20.0, 20.0]


def test_requests_wait_for_their_turn(scripted: Scripted, clock: FastClock) -> None:
    site = Site(scripted.url, token="s3cret-t0ken", clock=clock, rate="2/min")
    begun = clock.time()
    for path in ("/a", "/b", "/c", "/d", "/e"):
        service().call(site.send, Request("GET", path))
    assert len(scripted.asked) == 5
    assert clock.time() - begun == pytest.approx(120.0)


def test_patience_ends_the_wait(scripted: Scripted, clock: FastClock) -> None:
    site = Site(scripted.url, token="s3cret-t0ken", clock=clock, rate="1/h", patience="10m")
    service().call(site.send, Request("GET", "/a"))
    with pytest.raises(RateLimitedError, match=r"its rate= admits no request for another 1h .*raise rate="):
        service().call(site.send, Request("GET", "/b"))
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("rate", ["5", "0/min", "fast", "5/", 5])
def test_what_is_no_rate_is_refused(rate: Any) -> None:
    with pytest.raises(UsageError, match="rate="):
        Site("https://a.example.org", rate=rate)


def test_the_settings_give_it_and_the_rest_of_a_site(tmp_path: Any, scripted: Scripted) -> None:
    (tmp_path / "token").write_text("s3cret-t0ken\n")
    found = SiteSettings.model_validate(
        {
            "url": scripted.url,
            "token": "file:token",
            "cloud": False,
            "rate": "300/min",
            "retries": 2,
            "backoff": "2s",
            "headers": {"X-Gateway": "file:token"},
            "verify": "ca.pem",
            "cert": ["a.pem", "b.pem"],
        }
    )
    site = App(Settings(sites={"a": found}), tmp_path).site("a").site
    assert (site.retries, site.backoff, site.gate.pace is not None) == (2, 2.0, True)
    plain = SiteSettings(url=scripted.url, token=found.token, headers=found.headers, cloud=False)
    client = App(Settings(sites={"a": plain}), tmp_path).site("a")
    service().call(client.site.send, Request("GET", "/x"))
    (asked,) = scripted.asked
    assert asked.headers["Authorization"] == "Bearer s3cret-t0ken"
    assert asked.headers["X-Gateway"] == "s3cret-t0ken"
