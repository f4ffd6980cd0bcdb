"""Sessions stand for a token: they end with it, and after half a day."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens
from schedkit.server.guard import Access
from schedkit.server.sessions import MOST_SESSIONS, REFRESH_SECONDS, SESSION_SECONDS, KnownTokens, Sessions


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    store = Store(tmp_path / "ledger.db")
    store.open()
    return Tokens(store)


def test_tokens_are_read_again_after_a_second(tokens: Tokens) -> None:
    clock = Clock()
    known = KnownTokens(tokens, clock)
    row, text = tokens.new("ci", "act")
    assert known.age > REFRESH_SECONDS
    assert known.access(text) is None
    known.refresh()
    assert known.age == 0
    assert known.access(text) == Access("ci", ("read", "act"), row.id)
    assert known.access(text + "x") is None
    assert known.access("") is None
    tokens.revoke("ci")
    assert known.access(text) is not None
    clock.now += REFRESH_SECONDS
    assert known.age >= REFRESH_SECONDS
    known.refresh()
    assert known.access(text) is None


def test_a_session_ends_with_its_token_and_with_time(tokens: Tokens) -> None:
    clock = Clock()
    known = KnownTokens(tokens, clock)
    sessions = Sessions(known, clock)
    row, _ = tokens.new("ann", "admin")
    known.refresh()
    first, second = sessions.open(row.id), sessions.open(row.id)
    assert sessions.access(first) == Access("ann", ("read", "act", "admin"), row.id)
    assert sessions.access(first + "x") is None
    sessions.close(first)
    assert sessions.access(first) is None
    clock.now += SESSION_SECONDS - 1
    assert sessions.access(second) is not None
    clock.now += 1
    assert sessions.access(second) is None
    third = sessions.open(row.id)
    tokens.revoke("ann")
    known.refresh()
    assert sessions.access(third) is None


def test_the_oldest_session_makes_room(tokens: Tokens) -> None:
    known = KnownTokens(tokens)
    sessions = Sessions(known)
    row, _ = tokens.new("ann")
    known.refresh()
    cookies = [sessions.open(row.id) for _ in range(MOST_SESSIONS + 1)]
    assert sessions.access(cookies[0]) is None
    assert all(sessions.access(cookie) is not None for cookie in cookies[1:])
