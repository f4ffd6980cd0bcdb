"""Site.send against real HTTP: login, errors, repetition of reads, never of writes in doubt."""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from typing import Any, get_type_hints

import pytest

from schedkit import context
from schedkit.atlassian import Answer, OAuth2, Request, Site, count_requests
from schedkit.atlassian.rate_limiter import Budget, RateLimiter
from schedkit.atlassian.site import SiteOptions
from schedkit.errors import (
    AuthError,
    BadAnswerError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    SiteError,
    UnavailableError,
    UsageError,
)
from schedkit.loop import service

HTML = {"Content-Type": "text/html;charset=UTF-8"}
JSON = {"Content-Type": "application/json;charset=UTF-8"}


def send(site: Site, method: str = "GET", path: str = "/rest/api/2/myself", **more: Any) -> Answer:
    return service().call(site.send, Request(method, path, **more))


@pytest.fixture
def replies(scripted):
    """Give the answers in order; the last one repeats."""
    reply = scripted.reply

    def give(*these):
        made = [reply(**one) if isinstance(one, dict) else one for one in these]
        scripted.script = lambda asked, n: made[min(n, len(made) - 1)]

    return give


def test_the_typed_options_are_the_keywords_of_a_site() -> None:
    taken = get_type_hints(Site.__init__)
    typed = get_type_hints(SiteOptions)
    own = {"url", "user", "token", "return"}
    assert typed == {name: kind for name, kind in taken.items() if name not in own}


def test_basic_login_and_json(site, scripted) -> None:
    answer = send(site)
    assert answer.status == 200
    assert answer.json() == {"ok": True}
    login = scripted.asked[0].headers["Authorization"]
    assert base64.b64decode(login.removeprefix("Basic ")) == b"ann@example.org:s3cret-t0ken"


def test_a_token_alone_is_a_bearer(scripted) -> None:
    send(Site(scripted.url + "/", token="pat-123"))
    assert scripted.asked[0].headers["Authorization"] == "Bearer pat-123"
    assert scripted.asked[0].path == "/rest/api/2/myself"


def test_nobody_logs_in_without_credentials(scripted) -> None:
    send(Site(scripted.url))
    assert "Authorization" not in scripted.asked[0].headers


def test_bodies_parameters_headers_and_context_path(scripted) -> None:
    site = Site(scripted.url + "/jira/", headers={"X-Every": "1"})
    send(site, "POST", "/rest/x", params={"a": [1, 2]}, json={"b": "ä"}, headers={"X-This": "2"})
    asked = scripted.asked[0]
    assert asked.path == "/jira/rest/x?a=1&a=2"
    assert asked.json() == {"b": "ä"}
    assert asked.headers["X-Every"] == "1"
    assert asked.headers["X-This"] == "2"
    assert asked.headers["Content-Type"] == "application/json"


def test_files_go_as_multipart_with_their_fields(site, scripted) -> None:
    send(site, "POST", "/attach", files={"file": ("a.txt", b"hello")}, data={"comment": "new"})
    asked = scripted.asked[0]
    assert asked.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert asked.headers["X-Atlassian-Token"] == "no-check"
    assert b"hello" in asked.body
    assert b'name="comment"' in asked.body


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        ({"status": 400, "body": b'{"errorMessages":["Field \'x\' does not exist"],"errors":{}}'}, SiteError,
         "Field 'x' does not exist"),
        ({"status": 401, "body": b"Basic auth failed", "headers": {}}, AuthError, "the login was refused"),
        ({"status": 403, "body": b'{"message":"no"}'}, ForbiddenError, "forbidden: no"),
        ({"status": 403, "headers": {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=x"}},
         ForbiddenError, "CAPTCHA"),
        ({"status": 404, "body": b'{"errors":[{"title":"gone"}]}'}, NotFoundError, "not found: gone"),
        ({"status": 409, "body": b'{"message":"Version"}'}, ConflictError, "changed it: Version"),
        ({"status": 410, "body": b'{"errorMessages":["removed"]}'}, SiteError, "410: removed"),
        ({"status": 200, "headers": {**JSON, "X-Seraph-Loginreason": "AUTHENTICATED_FAILED"}}, AuthError,
         "refused although it answered 200"),
        ({"status": 200, "body": b"<html><title>Log in - Jira</title></html>", "headers": HTML}, AuthError,
         "login page"),
    ],
)  # fmt: skip
def test_refusals_are_told_once_and_in_the_sites_words(site, scripted, replies, reply, error, words) -> None:
    replies(reply)
    with pytest.raises(error) as caught:
        send(site)
    assert words in str(caught.value)
    assert type(caught.value) is error
    assert caught.value.status == reply["status"]
    assert len(scripted.asked) == 1
    assert not caught.value.maybe_done


@pytest.mark.parametrize(
    "bad",
    [
        {"status": 503, "body": b"<html><title>Service Unavailable</title></html>", "headers": HTML},
        {"status": 500, "body": b"{}"},
        {"reset": True},
        {"body": b'{"issues": [1, 2, 3]}', "cut": 9},
        {"body": b'{"issues": [1, 2'},
        {"body": b"<html><title>Proxy</title>busy</html>", "headers": HTML},
    ],
)
def test_a_read_is_repeated_after_a_bad_moment(site, scripted, replies, clock, bad) -> None:
    replies({}, bad, bad, {})
    send(site)
    with count_requests() as cost:
        assert send(site).json() == {"ok": True}
    assert len(scripted.asked) == 4
    assert (cost.requests, cost.retries) == (3, 2)
    assert 0.25 <= clock.slept[0] <= 0.5
    assert 0.5 <= clock.slept[1] <= 1.0


def test_repetition_ends(scripted, replies, clock) -> None:
    site = Site(scripted.url, retries=2, clock=clock)
    replies({}, {"status": 502})
    send(site)
    with pytest.raises(UnavailableError, match="answered 502"):
        send(site)
    assert len(scripted.asked) == 4


def test_a_wrong_url_fails_at_once(clock) -> None:
    site = Site("http://127.0.0.1:9", clock=clock)
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9.* got no answer: .*refused"):
        send(site)
    assert clock.slept == []


def test_a_write_in_doubt_is_never_sent_again(site, scripted, replies) -> None:
    replies({}, {"reset": True})
    send(site)
    with pytest.raises(UnavailableError) as caught:
        send(site, "POST", "/rest/api/2/issue/A-1/comment", json={"body": "x"})
    assert caught.value.maybe_done
    assert len(scripted.asked) == 2
    replies({"status": 503})
    with pytest.raises(UnavailableError) as caught:
        send(site, "PUT", "/rest/api/2/issue/A-1", json={})
    assert caught.value.maybe_done
    assert len(scripted.asked) == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"body": b"<html><title>Proxy</title>busy</html>", "headers": HTML}, BadAnswerError),
        ({"body": b"<html><title>Log in - Jira</title></html>", "headers": HTML}, AuthError),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example.org/"}}, BadAnswerError),
        ({"status": 302, "headers": {"Location": "https://sso.example.org/login"}}, AuthError),
    ],
)
def test_a_write_that_something_else_answers_is_in_doubt_and_final(
    site, scripted, replies, clock, reply, error
) -> None:
    replies({}, reply)
    send(site)
    with pytest.raises(error) as caught:
        send(site, "PUT", "/rest/api/2/issue/A-1", json={})
    assert (caught.value.maybe_done, caught.value.final) == (True, True)
    assert (len(scripted.asked), clock.slept) == (2, [])


def test_a_write_that_never_left_is_repeated(clock, scripted) -> None:
    site = Site(scripted.url, retries=1, clock=clock)
    scripted.script = lambda asked, n: scripted.reply(
        headers={"Content-Type": "application/json", "Connection": "close"}
    )
    send(site)
    scripted.close()
    with pytest.raises(UnavailableError) as caught:
        send(site, "POST", "/x", json={})
    assert not caught.value.maybe_done
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Thu, 01 Jan 2026 00:16:49 GMT"}, 9),
        ({"X-RateLimit-Reset": "2026-01-01T00:17Z"}, 20),
        ({"X-RateLimit-Interval-Seconds": "3", "X-RateLimit-Remaining": "0"}, 3),
        ({}, None),
        ({"Retry-After": "soon"}, None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_limits_in_all_forms(site, scripted, replies, clock, headers, waited, method) -> None:
    replies({"status": 429, "headers": {**HTML, **headers}, "body": b"<html>slow down</html>"}, {})
    assert send(site, method).status == 200
    assert len(scripted.asked) == 2
    total = sum(clock.slept)
    assert waited - 0.001 <= total <= waited + 0.3 if waited is not None else 0.25 <= total <= 0.8


def test_patience_runs_out(scripted, replies, clock) -> None:
    site = Site(scripted.url, clock=clock, patience=60)
    replies({"status": 429, "headers": {"Retry-After": "25", "RateLimit-Reason": "jira-quota"}})
    with pytest.raises(RateLimitedError, match="rate limited \\(jira-quota\\)") as caught:
        send(site)
    assert caught.value.retry_in == 25
    assert len(scripted.asked) == 3


def test_a_limit_slows_only_its_endpoint(site, scripted) -> None:
    reply = scripted.reply
    scripted.script = lambda asked, n: reply(429 if n == 0 else 200, headers={"Retry-After": "5"})
    send(site, path="/rest/api/2/issue/A-1")
    send(site, path="/rest/api/2/myself")
    assert site.gate.limiter("GET /rest/api/2/issue/*").window < site.concurrency
    assert site.gate.limiter("GET /rest/api/2/myself").window == site.concurrency


def test_a_warning_slows_before_the_refusal(site, replies) -> None:
    replies({"headers": {**JSON, "X-RateLimit-NearLimit": "true"}})
    send(site)
    assert site.gate.limiter("GET /rest/api/2/myself").window == site.concurrency / 2


def test_a_bucket_that_refills_sets_the_pace(site, replies, clock) -> None:
    bucket = {"X-RateLimit-Limit": "5", "X-RateLimit-FillRate": "2", "X-RateLimit-Interval-Seconds": "4"}
    replies(
        {"headers": {**JSON, **bucket, "X-RateLimit-Remaining": "2", "Retry-After": "0"}},
        {"headers": {**JSON, **bucket, "X-RateLimit-Remaining": "1", "Retry-After": "0"}},
        {},
    )
    send(site)
    send(site)
    assert clock.slept == [], "one was left, and one in hand"
    send(site)
    assert clock.slept == [2.0], "half a request comes back each second"
    send(site)
    send(site, path="/other")
    assert clock.slept == [2.0], "a site that tells nothing any more is not slowed, nor is another endpoint"


def test_nothing_left_until_a_reset(site, replies, clock) -> None:
    reset = clock.now() + timedelta(seconds=40)
    told = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset.isoformat()}
    replies({"headers": {**JSON, **told}}, {})
    send(site)
    send(site)
    assert clock.slept == [40.0]


def test_as_few_at_once_as_are_left() -> None:
    limiter = RateLimiter(8)
    assert limiter.places == 8
    for _ in range(4):
        limiter.on_start(0.0)
    limiter.on_answer(0.0, Budget(left=5, most=100), 3)
    limiter.on_answer(0.0, Budget(left=50, most=100), 2)  # its answer was overtaken
    limiter.sent -= 1
    assert limiter.places == 3 + 2, "of five, three may be taken by those under way"
    limiter.on_answer(0.0, Budget(left=0, most=100), 4)
    limiter.sent = 0
    assert limiter.places == 1, "and never none: only an answer tells that there are more"
    assert limiter.wait(0.0) == 0.0
    limiter.on_answer(0.0, Budget(left=50, most=100), 4)
    assert limiter.places == 8
    limiter.on_answer(0.0, Budget(left=0, most=100), 4)
    limiter.on_answer(0.0, None, 4)
    assert limiter.places == 8, "a site that tells nothing is not slowed"


def test_a_bucket_fills_no_higher_than_its_brim() -> None:
    limiter = RateLimiter(8)
    limiter.on_start(0.0)
    limiter.on_answer(0.0, Budget(left=0, most=3, rate=1.0), 4)
    limiter.sent = 0
    assert [limiter.wait(at) for at in (0.0, 0.5, 1.0, 2.0)] == [2.0, 1.5, 1.0, 0.0]
    for _ in range(2):
        assert limiter.wait(100.0) == 0.0
        limiter.on_start(100.0)
    assert limiter.wait(100.0) == 1.0
    limiter.on_answer(100.0, Budget(left=0, most=1, rate=1.0), 5)
    assert limiter.wait(100.0) == 2.0, "of one that holds a single request, that one; another is under way"
    limiter.on_refusal(100.0, 100.0, 5.0)
    assert limiter.wait(100.0) == 5.0


def test_redirects(site, scripted, replies) -> None:
    reply = scripted.reply
    replies(reply(302, b"", {"Location": "/elsewhere?x=1"}), {})
    assert send(site).json() == {"ok": True}
    scripted.asked.clear()
    replies(reply(302, b"", {"Location": "https://new.example.org/x?secret=1"}))
    with pytest.raises(BadAnswerError, match=r"a redirect to https://new\.example\.org/x \(use"):
        send(site, "POST", "/rest", idempotent=True)
    assert len(scripted.asked) == 1
    replies(reply(302, b"", {"Location": "ftp://x/y"}))
    with pytest.raises(UsageError, match="not http"):
        send(site)


def test_cancelling_is_prompt(site, scripted) -> None:
    reply = scripted.reply
    arrived, finish = threading.Event(), threading.Event()

    def script(asked, n):
        arrived.set()
        return reply(until=finish)

    scripted.script = script
    future = service().submit(site.send, Request("GET", "/slow"))
    assert arrived.wait(60)
    future.cancel()
    assert future.cancelled()
    assert site.gate.limiter("GET /slow").holding in (0, 1)
    finish.set()


def test_the_window_holds_requests_back(scripted, clock) -> None:
    reply = scripted.reply
    site = Site(scripted.url, concurrency=2, clock=clock)
    go, most, now = threading.Event(), 0, 0
    lock = threading.Lock()

    def script(asked, n):
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        if n >= 1:
            go.set()
        go.wait(60)
        with lock:
            now -= 1
        return reply()

    scripted.script = script
    futures = [service().submit(site.send, Request("GET", "/x")) for _ in range(8)]
    cancelled = service().submit(site.send, Request("GET", "/x"))
    cancelled.cancel()
    for future in futures:
        assert future.result(60).status == 200
    assert most == 2
    assert site.gate.limiter("GET /x").holding == 0


def test_oauth2_is_renewed_once_and_kept(scripted) -> None:
    reply = scripted.reply
    kept: list[tuple[str, str]] = []

    def script(asked, n):
        if asked.path == "/token":
            return reply(body=b'{"access_token": "second", "refresh_token": "r2"}')
        good = asked.headers["Authorization"] == "Bearer second"
        return reply(200 if good else 401)

    scripted.script = script
    login = OAuth2(
        "id", "app-secret", "r1", "first", scripted.url + "/token", lambda a, r: kept.append((a, r))
    )
    site = Site(scripted.url, oauth2=login)
    assert send(site, "POST", "/write", json={}).status == 200
    assert kept == [("second", "r2")]
    assert [a.path for a in scripted.asked] == ["/write", "/token", "/write"]
    assert b"refresh_token=r1" in scripted.asked[1].body
    assert login.refresh_token == "r2"
    for secret in ("first", "second", "r1", "r2", "app-secret"):
        assert secret not in repr(site) + repr(login) + repr(site.credentials)


def test_oauth2_that_stays_refused(scripted) -> None:
    reply = scripted.reply
    tokens = reply(body=b'{"access_token": "again"}')
    scripted.script = lambda asked, n: tokens if asked.path == "/token" else reply(401)
    site = Site(
        scripted.url, oauth2=OAuth2("id", "app-secret", "refresh-1", token_url=scripted.url + "/token")
    )
    with pytest.raises(AuthError, match="the login was refused"):
        send(site)
    assert len(scripted.asked) == 4
    scripted.script = lambda asked, n: reply(400, b'{"error": "invalid_grant"}')
    site = Site(
        scripted.url, oauth2=OAuth2("id", "app-secret", "refresh-1", token_url=scripted.url + "/token")
    )
    with pytest.raises(AuthError, match="refused to renew the login: invalid_grant"):
        send(site)
    scripted.script = lambda asked, n: reply(502)
    with pytest.raises(UnavailableError, match=r"token server .* answered 502"):
        send(site)
    scripted.script = lambda asked, n: reply(200, b"<html>")
    with pytest.raises(UnavailableError, match="no usable answer"):
        send(site)


def test_credentials_never_go_to_another_host(site, scripted) -> None:
    assert send(site, path=scripted.url + "/rest/x").status == 200
    assert scripted.asked[-1].path == "/rest/x"
    with pytest.raises(UsageError, match="the address is of evil"):
        send(site, path="https://evil.example.org/rest/x")


def test_a_retry_is_told_to_whoever_listens(site, replies) -> None:
    lines: list[str] = []

    class Listener(context.ExecutionContext):
        def log(self, level: int, message: str) -> None:
            lines.append(message)

    replies({"status": 429, "headers": {"Retry-After": "2"}}, {"status": 503}, {})
    with context.use(Listener()):
        send(site)
    assert len(lines) == 2
    assert "was rate limited; trying again in 2s" in lines[0]
    assert "answered 503; trying again in" in lines[1]


def test_raw_and_empty_answers(site, replies) -> None:
    replies({"headers": HTML, "body": b"<html>Log in</html>"})
    assert send(site, raw=True).body == b"<html>Log in</html>"
    replies({"status": 204, "body": b"", "headers": {}})
    assert send(site, "PUT").json() is None


def test_close_and_go_on(site) -> None:
    service().call(site.close)
    send(site)
    service().call(site.close)
    assert send(site).status == 200
