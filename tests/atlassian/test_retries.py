"""How long a repetition waits, and where a request may not go."""

from __future__ import annotations

import pytest

from schedkit.atlassian import Request
from schedkit.errors import UsageError
from schedkit.loop import service


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
