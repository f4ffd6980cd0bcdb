"""Who may: every rule on values, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.server.guard import Access, Guard, Refusal

READER = Access("grafana", ("read",), "1")
ACTOR = Access("ci", ("read", "act"), "2")
ADMIN = Access("root", ("read", "act", "admin"), "3")
BY_TOKEN = {"reader": READER, "actor": ACTOR, "admin": ADMIN}
HOST = ("host", "localhost:8000")


def guard(**options: Any) -> Guard:
    given: dict[str, Any] = {
        "by_token": BY_TOKEN.get,
        "by_session": {"c1": ACTOR}.get,
        "hosts": ("localhost", "127.0.0.1", "::1", "sched.example.com"),
        "open_routes": frozenset({("GET", "/healthz")}),
        "admin_paths": frozenset({"/audit"}),
    }
    return Guard(**{**given, **options})


def judged(
    *headers: tuple[str, str],
    method: str = "GET",
    path: str = "/tasks",
    client: str | None = "127.0.0.1",
    rules: Guard | None = None,
) -> Access | int:
    """Return who asks, or the status of the refusal."""
    scope = {
        "method": method,
        "path": path,
        "client": client and (client, 5),
        "server": ("127.0.0.1", 8000),
    }
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    verdict = (rules or guard()).judge(scope, raw)
    return verdict.status if isinstance(verdict, Refusal) else verdict


LOCAL = Access("local", ("read", "act"))


def test_this_machine_reads_and_acts_and_does_not_administer() -> None:
    assert judged(HOST) == LOCAL
    assert judged(HOST, method="POST") == LOCAL
    assert judged(HOST, path="/audit") == 403
    assert judged(("host", "[::1]:8000"), client="::1") == LOCAL
    assert judged(HOST, client="::ffff:127.0.0.1") == LOCAL


def test_without_a_token_nobody_else_connects() -> None:
    assert judged(HOST, client="10.0.0.7") == 401
    assert judged(HOST, client=None) == 401
    assert judged(HOST, client="/run/app.sock") == 401
    assert judged(HOST, rules=guard(loopback=False)) == 401


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"])
def test_a_proxy_on_this_machine_is_not_this_machine(header: str) -> None:
    assert judged(HOST, (header, "10.0.0.7")) == 401


def test_scopes_of_tokens() -> None:
    for token, get, post, audit in (
        ("reader", READER, 403, 403),
        ("actor", ACTOR, ACTOR, 403),
        ("admin", ADMIN, ADMIN, ADMIN),
        ("wrong", 401, 401, 401),
        ("", 401, 401, 401),
    ):
        bearer = ("authorization", f"Bearer {token}")
        assert judged(HOST, bearer, client="10.0.0.7") == get
        assert judged(HOST, bearer, client="10.0.0.7", method="POST") == post
        assert judged(HOST, bearer, client="10.0.0.7", path="/audit") == audit


def test_a_wrong_login_is_not_taken_for_none() -> None:
    """Also from this machine: who sends a token wants to be judged by it."""
    assert judged(HOST, ("authorization", "Bearer wrong")) == 401
    assert judged(HOST, ("authorization", "Basic cm9vdDpyb290")) == 401
    assert judged(HOST, ("authorization", "bearer  actor ")) == ACTOR


def test_open_routes_are_those_very_routes() -> None:
    rules = guard(loopback=False)
    assert judged(HOST, path="/healthz", rules=rules) == Access()
    for path in (
        "/healthz/",
        "/api/healthz",
        "/healthz2",
        "//healthz",
        "/HEALTHZ",
        "/x/healthz",
        "/healthz/..",
    ):
        assert judged(HOST, path=path, rules=rules) == 401
    assert judged(HOST, path="/healthz", method="POST", rules=rules) == 401


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:9", True),
        ("[::1]", True),
        ("sched.example.com", True),
        ("evil.example.com", False),
        ("localhost.evil.example.com", False),
        ("evil.example.com:localhost", False),
        ("localhost@evil.example.com", False),
        ("", False),
    ],
)
def test_the_host_must_be_ours(host: str, ours: bool) -> None:
    assert (judged(("host", host)) == LOCAL) is ours
    assert (judged(("host", host), ("authorization", "Bearer admin")) == ADMIN) is ours
    assert ours or judged(("host", host), path="/healthz") == 421


def test_without_a_host_nobody_is_answered() -> None:
    assert judged() == 421


@pytest.mark.parametrize("name", ["host", "authorization", "origin", "sec-fetch-site", "x-forwarded-user"])
def test_a_header_that_decides_comes_once(name: str) -> None:
    assert judged(HOST, (name, "localhost"), (name, "localhost")) == 400


COOKIE = ("cookie", "other=1; schedkit-8000=c1")


def test_a_session_is_judged_by_its_token() -> None:
    away = {"client": "10.0.0.7"}
    assert judged(HOST, COOKIE, **away) == ACTOR
    assert judged(HOST, ("cookie", "schedkit-8000=c2"), **away) == 401
    assert judged(HOST, ("cookie", "schedkit-9000=c1"), **away) == 401
    assert judged(HOST, ("cookie", "schedkit-8000=c1; a\x00b="), **away) in (ACTOR, 401)


SAME, NEXT_DOOR = ("origin", "http://localhost:8000"), ("origin", "http://localhost:8888")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("sec-fetch-site", "same-origin")], ACTOR),
        ([("sec-fetch-site", "none")], ACTOR),
        ([("sec-fetch-site", "same-site")], 403),
        ([("sec-fetch-site", "cross-site")], 403),
        ([("sec-fetch-site", "cross-site"), SAME], 403),
        ([SAME], ACTOR),
        ([NEXT_DOOR], 403),
        ([("origin", "null")], 403),
        ([("origin", "http://evil.example.com")], 403),
        ([], 403),
    ],
)
def test_pages_of_other_origins_change_nothing(
    headers: list[tuple[str, str]], expected: Access | int
) -> None:
    """Not by a session's cookie, and not because the browser runs on this machine."""
    assert judged(HOST, COOKIE, *headers, method="POST") == expected
    assert judged(HOST, COOKIE, *headers, method="GET") == ACTOR
    if headers:
        by_machine = LOCAL if expected is ACTOR else expected
        assert judged(HOST, *headers, method="POST") == by_machine
    assert judged(HOST, ("authorization", "Bearer actor"), *headers, method="POST") == ACTOR


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "PURGE", "get"])
def test_every_method_but_reading_ones_needs_act(method: str) -> None:
    assert judged(HOST, ("authorization", "Bearer reader"), method=method) == 403


def test_a_proxy_that_is_trusted_names_the_user() -> None:
    rules = guard(proxies=frozenset({"10.0.0.1"}), proxy_scopes=("read", "act"))
    ann = ("X-Forwarded-User", "ann")
    assert judged(HOST, ann, client="10.0.0.1", rules=rules) == Access("ann", ("read", "act"))
    assert judged(HOST, ann, ("x-forwarded-for", "9.9.9.9"), client="10.0.0.1", rules=rules) == Access(
        "ann", ("read", "act")
    )
    assert judged(HOST, client="10.0.0.1", rules=rules) == 401
    assert judged(HOST, ann, client="10.0.0.2", rules=rules) == 401
    here = guard(proxies=frozenset({"127.0.0.1"}))
    assert judged(HOST, ann, rules=here) == Access("ann", ("read",))
    assert judged(HOST, rules=here) == 401
    assert judged(HOST, ann, ("sec-fetch-site", "cross-site"), method="POST", rules=here) == 403
