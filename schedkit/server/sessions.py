"""Browser sessions: each belongs to a token, and ends when the token is revoked."""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
import time
from collections.abc import Callable

import anyio
import anyio.to_thread

from schedkit.core.store.tokens import TokenRow, Tokens, matches, token_id
from schedkit.server.guard import Access

__all__ = ["AGAIN_SECONDS", "REFRESH_SECONDS", "SESSION_SECONDS", "KnownTokens", "Sessions"]

SESSION_SECONDS = 12 * 3600
MOST_SESSIONS = 1000
# How long a revoked token may still be taken for valid.
REFRESH_SECONDS = 1.0
# How often the ledger is asked at most for a token that is not known.
AGAIN_SECONDS = 0.1

Clock = Callable[[], float]


class KnownTokens:
    """The valid tokens, cached in memory and read again after a second.

    Parameters
    ----------
    tokens : Tokens
        The tokens of the ledger.
    """

    def __init__(self, tokens: Tokens, clock: Clock = time.monotonic) -> None:
        self._tokens = tokens
        self._clock = clock
        self._rows: dict[str, TokenRow] = {}
        self._read_at: float | None = None

    @property
    def age(self) -> float:
        """How many seconds ago they were read."""
        return math.inf if self._read_at is None else self._clock() - self._read_at

    def refresh(self) -> None:
        """Read the valid tokens; blocks."""
        began = self._clock()
        self._rows = {row.id: row for row in self._tokens.valid()}
        self._read_at = began

    async def renew(self, seconds: float, *, wait: bool = False) -> None:
        """Read them if they are `seconds` old; otherwise return at once, or `wait` until they are."""
        if wait and self.age < seconds:
            await anyio.sleep(seconds - self.age)
        if self.age >= seconds:
            await anyio.to_thread.run_sync(self.refresh)

    def access(self, text: str) -> Access | None:
        """Return the access of a token's text, None if it is not valid."""
        row = self._rows.get(token_id(text))
        return self.of(row.id) if row is not None and matches(row, text) else None

    def of(self, id: str) -> Access | None:
        """Return the access of the token with an id, None if it is not valid."""
        row = self._rows.get(id)
        return None if row is None else Access(row.name, row.scopes, row.id)


class Sessions:
    """The open sessions: cookie → token, in memory only.

    Parameters
    ----------
    tokens : KnownTokens
        The access of each token now.
    """

    def __init__(self, tokens: KnownTokens, clock: Clock = time.monotonic) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, tuple[str, float]] = {}  # hash of the cookie → token, end

    def open(self, token: str) -> str:
        """Open a session for the token with an id; return its cookie."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._open = {key: known for key, known in self._open.items() if known[1] > now}
            while len(self._open) >= MOST_SESSIONS:
                del self._open[next(iter(self._open))]
            self._open[_hash(cookie)] = (token, now + SESSION_SECONDS)
        return cookie

    def access(self, cookie: str) -> Access | None:
        """Return the access of a session; None if it has ended, or its token was revoked."""
        token, until = self._open.get(_hash(cookie), ("", 0.0))
        return self._tokens.of(token) if until > self._clock() else None

    def close(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(_hash(cookie), None)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
