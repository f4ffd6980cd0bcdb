"""Who asks: basic e-mail and token on Cloud, a bearer token or name and password on Data Center."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from schedkit.demo import answers
from schedkit.demo.oauth import TokenServer

CAPTCHA_AFTER = 3
Endpoint = Callable[[Request], Awaitable[Response]]


def with_bearer(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("bearer ")


@dataclass(frozen=True)
class Account:
    """Credentials of one site; `user` None: the token alone signs in."""

    user: str | None
    token: str = field(repr=False)
    password: str = field(default="", repr=False)


@dataclass
class Door:
    """Checks credentials for one site and remembers wrong passwords."""

    account: Account
    cloud: bool
    tokens: TokenServer | None = None
    failures: int = 0

    def admits(self, request: Request) -> bool:
        """Whether the request carries the right credentials; wrong passwords are counted."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if self.tokens is not None:
                return self.tokens.admits(value)
            return value == self.account.token
        if scheme.lower() != "basic":
            return False
        try:
            user, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if self.cloud:
            return (user, secret) == (self.account.user, self.account.token)
        right = (user, secret) == ("demo", self.account.password)
        if not right:
            self.failures += 1
        return right and not self.locked

    @property
    def locked(self) -> bool:
        """After repeated wrong passwords Data Center asks a CAPTCHA, also of the right one."""
        return not self.cloud and self.failures >= CAPTCHA_AFTER

    def guard(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint only for who signed in."""

        async def checked(request: Request) -> Response:
            if not self.admits(request):
                return self.refusal(request)
            return await endpoint(request)

        return checked

    def refusal(self, request: Request) -> Response:
        """The 401 (or CAPTCHA 403) of this site."""
        basic = request.headers.get("authorization", "").lower().startswith("basic")
        if self.locked and basic:
            return answers.html(
                answers.TOMCAT_PAGE.format(status=403, name="Forbidden"),
                403,
                {
                    "X-Seraph-LoginReason": "AUTHENTICATION_DENIED",
                    "X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=/login.jsp",
                },
            )
        if self.cloud and with_bearer(request):
            return answers.json({"code": 401, "message": "Unauthorized; scope does not match"}, 401)
        if self.cloud:
            return Response(
                "Client must be authenticated to access this resource.",
                401,
                {"WWW-Authenticate": 'OAuth realm="demo"', "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
                media_type="text/plain;charset=UTF-8",
            )
        if basic:
            return answers.html(
                answers.TOMCAT_PAGE.format(status=401, name="Unauthorized"),
                401,
                {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
            )
        return answers.refused(
            401, ["You are not authenticated. Authentication required to perform this operation."]
        )
