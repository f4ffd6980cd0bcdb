"""OAuth 2.0 as on Cloud: access tokens expire, refresh tokens change at every use."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from schedkit.demo import answers, questions

_HOUR = 3600.0


class TokenServer:
    """Hands out and judges access tokens.

    `client_id`, `client_secret` and `refresh_token` are what an application is registered with;
    `lifetime` is how long the next access token holds, in seconds.
    """

    client_id = "demo-app"
    client_secret = "demo-app-secret-7be1d0"

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.refresh_token = "demo-refresh-token-0c4f6a"
        self.lifetime = _HOUR
        self._clock, self._lock = clock, threading.Lock()
        self._until: dict[str, float] = {}

    def admits(self, token: str) -> bool:
        """Whether an access token was handed out and still holds."""
        with self._lock:
            return self._until.get(token, 0.0) > self._clock()

    def expire(self) -> None:
        """End every access token at once."""
        with self._lock:
            self._until.clear()

    async def exchange(self, request: Request) -> Response:
        """``POST /oauth/token``: a refresh token for an access token and the next refresh token."""
        asked = await questions.body_of(request)
        if (asked.get("client_id"), asked.get("client_secret")) != (self.client_id, self.client_secret):
            return _refused(401, "access_denied", "Unauthorized")
        if asked.get("grant_type") != "refresh_token":
            return _refused(400, "unsupported_grant_type", "Only refresh_token is spoken here.")
        with self._lock:
            if asked.get("refresh_token") != self.refresh_token:
                return _refused(403, "invalid_grant", "Unknown or invalid refresh token.")
            access, self.refresh_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
            self._until[access] = self._clock() + self.lifetime
            return answers.json(
                {
                    "access_token": access,
                    "refresh_token": self.refresh_token,
                    "expires_in": int(self.lifetime),
                    "token_type": "Bearer",
                    "scope": "read:jira-work write:jira-work",
                }
            )


def _refused(status: int, error: str, description: str) -> Response:
    return answers.json({"error": error, "error_description": description}, status)
