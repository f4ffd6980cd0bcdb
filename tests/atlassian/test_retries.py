"""How long a repetition waits, and where a request may not go."""

from __future__ import annotations

import pytest

from schedkit import context
from schedkit.atlassian import Request, Site
from schedkit.atlassian.retries import Tries
from schedkit.errors import RateLimitedError, SiteError, UnavailableError, UsageError
from schedkit.loop import service

JSON = {"Content-Type": "application/json"}


class Lines(context.ExecutionContext):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, level: int, message: str) -> None:
        self.lines.append(message)


def get(site: Site, **more: object) -> object:
    return service().call(site.send, Request("GET", "/x", **more)).json()


def test_a_limit_that_asks_for_no_wait_is_waited_out_all_the_same(site, scripted, clock) -> None:
    """Some sites say 0 and refuse again: 0.5 s, 1 s and 2 s, of which jitter takes half at most."""
    limited = scripted.reply(429, headers={"Retry-After": "0"})
    scripted.script = lambda asked, n: limited if n < 3 else scripted.reply()
    began = clock.time()
    service().call(site.send, Request("GET", "/x"))
    assert clock.time() - began >= 1.75


def test_a_site_that_says_when_it_will_be_back_is_asked_then(site, scripted, clock) -> None:
    away = scripted.reply(503, headers={"Retry-After": "25"})
    scripted.script = lambda asked, n: away if n == 1 else scripted.reply()
    service().call(site.send, Request("GET", "/x"))
    began = clock.time()
    service().call(site.send, Request("GET", "/x"))
    assert clock.time() - began == pytest.approx(25)


@pytest.mark.parametrize("more", ["0/rest/api/2/myself", ".example.org/rest", "@example.org/rest", "\\@x/y"])
def test_an_address_that_only_begins_like_the_site_gets_no_login(site, scripted, more: str) -> None:
    with pytest.raises(UsageError, match="the address is of"):
        service().call(site.send, Request("GET", scripted.url + more))
    assert scripted.asked == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("seconds", "told"), [("3600", "1h"), ("31536000", "365d")])
def test_a_wait_longer_than_patience_ends_at_once(
    site, scripted, clock, status: int, seconds: str, told: str
) -> None:
    answers = [scripted.reply(), scripted.reply(status, headers={"Retry-After": seconds})]
    scripted.script = lambda asked, n: answers[min(n, 1)]
    get(site)
    with pytest.raises(SiteError) as caught:
        get(site)
    assert caught.value.hint == f"it asks to wait {told}: try again then, or raise patience="
    assert caught.value.retry_in == float(seconds)
    assert len(scripted.asked) == 2
    assert clock.slept == []


def test_a_site_that_is_away_for_three_minutes_is_waited_for(site, scripted, clock) -> None:
    """Whatever retries= says: six of them take half a minute."""
    began = clock.time()
    scripted.script = lambda asked, n: scripted.reply(503 if 0 < clock.time() - began < 180 or not n else 200)
    assert get(site) == {"ok": True}
    assert 180 <= clock.time() - began < 240


def test_a_site_that_stays_away_is_given_up_when_patience_ends(site, scripted, clock) -> None:
    scripted.script = lambda asked, n: scripted.reply(503)
    began = clock.time()
    with pytest.raises(UnavailableError, match=r"answered 503.*it has refused for \d+m.*patience="):
        get(site)
    assert 500 < clock.time() - began <= site.patience


def test_a_request_with_a_number_of_its_own_is_not_repeated_beyond_it(site, scripted) -> None:
    scripted.script = lambda asked, n: scripted.reply(503)
    with pytest.raises(UnavailableError, match="answered 503"):
        get(site, retries=2)
    assert len(scripted.asked) == 3


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "2"}], ids=["no wait", "a wait"])
@pytest.mark.parametrize("status", [500, 503])
def test_without_retries_a_site_that_is_away_is_asked_once(scripted, clock, headers, status: int) -> None:
    site = Site(scripted.url, clock=clock, retries=0)
    answers = [scripted.reply(), scripted.reply(status, headers=headers)]
    scripted.script = lambda asked, n: answers[min(n, 1)]
    get(site)
    with pytest.raises(UnavailableError, match=f"answered {status}"):
        get(site)
    assert (len(scripted.asked), clock.slept) == (2, [])


ELEVEN_DAYS = {
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Limit": "1",
    "X-RateLimit-FillRate": "1",
    "X-RateLimit-Interval-Seconds": "1000000",
}


@pytest.mark.parametrize(
    "headers",
    [ELEVEN_DAYS, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}],
    ids=["eleven days", "until 2100"],
)
def test_headers_of_a_good_answer_hold_nobody_back_beyond_patience(site, scripted, clock, headers) -> None:
    scripted.script = lambda asked, n: scripted.reply(headers={**JSON, **headers})
    get(site)
    with pytest.raises(RateLimitedError) as caught:
        get(site)
    assert caught.value.message.startswith(f"{site.name} accepts no GET /x for another ")
    assert caught.value.retry_in is not None
    assert caught.value.retry_in > 900_000
    assert "patience=" in caught.value.hint
    assert (clock.slept, len(scripted.asked)) == ([], 1)
    # The word is not believed for eleven days.
    clock.seconds += 901
    get(site)
    assert (clock.slept, len(scripted.asked)) == ([], 2)


HOUR = {
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Limit": "1",
    "X-RateLimit-FillRate": "1",
    "X-RateLimit-Interval-Seconds": "3600",
}


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry-After": "3600"}),
        (503, {"Retry-After": "3600"}),
        (200, HOUR),
        (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3600"}),
    ],
    ids=["429", "503", "rate", "reset"],
)
@pytest.mark.parametrize("patience", [3000, 10_000])
def test_patience_decides_of_every_kind_of_refusal(
    scripted, clock, status: int, headers: dict[str, str], patience: int
) -> None:
    site = Site(scripted.url, clock=clock, patience=patience)
    answers = [scripted.reply(), scripted.reply(status, headers={**JSON, **headers}), scripted.reply()]
    scripted.script = lambda asked, n: answers[n]
    get(site)
    listener = Lines()
    with context.use(listener):
        if status == 200:
            get(site)
        if patience == 3000:
            with pytest.raises(SiteError, match=r"1h.*patience="):
                get(site)
            assert (clock.slept, len(scripted.asked)) == ([], 2)
            return
        get(site)
    assert sum(clock.slept) == pytest.approx(3600, abs=1)
    assert len(scripted.asked) == 3
    assert len([line for line in listener.lines if " waiting " in line]) == 60


def test_a_long_wait_is_told_while_it_lasts(site, scripted) -> None:
    replies = [scripted.reply(429, headers={"Retry-After": "130"}), scripted.reply()]
    scripted.script = lambda asked, n: replies[n]
    listener = Lines()
    with context.use(listener):
        get(site)
    refused, *waiting = listener.lines
    assert refused.endswith("was rate limited; trying again in 2m 10s")
    assert [line.rpartition(" waiting ")[0] for line in waiting] == [f"{site.name} limits GET /x:"] * 3
    assert waiting[1].endswith("1m 10s")


def test_a_dropped_first_connection_is_a_bad_moment_and_not_a_wrong_url(site, scripted) -> None:
    scripted.script = lambda asked, n: scripted.reply(reset=n == 0)
    assert get(site) == {"ok": True}
    assert len(scripted.asked) == 2


@pytest.mark.parametrize(
    ("error", "persistent", "goes_on"),
    [
        (UnavailableError("no answer"), True, False),
        (UnavailableError("502", status=502), True, False),
        (UnavailableError("503", status=503), True, True),
        (UnavailableError("503", status=503), False, False),
        (UnavailableError("503", status=503, retry_in=1.0), False, True),
        (RateLimitedError("429", status=429), False, True),
    ],
)
def test_what_is_repeated_beyond_the_number_of_retries(
    error: SiteError, persistent: bool, goes_on: bool
) -> None:
    tries = Tries(most=2, patience=60.0, persistent=persistent)
    times = 6 if goes_on else 2
    for now in range(times):
        tries.failed(error, 1.0, now * 10.0)
    with pytest.raises(type(error)) as caught:
        tries.failed(error, 1.0, times * 10.0)
    assert caught.value is error
