"""What an answer means: pure functions from status, headers and body to an error or nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from schedkit.atlassian.messages import Body
from schedkit.atlassian.rate_limiter import Budget
from schedkit.errors import (
    AuthError,
    BadAnswerError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    SiteError,
    UnavailableError,
)
from schedkit.values.limits import MAX_DEPTH
from schedkit.values.text import one_line

__all__ = ["budget", "error_of", "error_text", "login_page", "near_limit", "retry_after"]

_LOGIN = re.compile(rb"log[ -]?in|sign[ -]?in|os_username|id\.atlassian\.com|single sign", re.IGNORECASE)
_LOGIN_URL = re.compile(r"log-?in|sign-?in|sso|saml|/auth|id\.atlassian\.com", re.IGNORECASE)
# Neither runs over a second "<": on twenty thousand of them a search would take seconds.
_TITLE = re.compile(r"<title[^<>]*>([^<]*)</title>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_HINT_TOKEN = (
    "check user and token; on Cloud the user is the e-mail address, on Data Center give only the token"
)
_HINT_XSRF = "the site takes it for a browser's request: leave out cookies and a browser's User-Agent"


def error_of(what: str, status: int, headers: Mapping[str, str], body: Body) -> SiteError | None:
    """Return the error that an answer to `what` (method and URL) is, None for a good one."""
    login = headers.get("X-Seraph-LoginReason", "")
    if status == 401 or (status < 400 and "AUTHENTICATED_FAILED" in login):
        return _refused_login(what, status, body)
    if "AUTHENTICATION_DENIED" in login or "CAPTCHA" in headers.get("X-Authentication-Denied-Reason", ""):
        return ForbiddenError(
            f"{what}: the site asks for a CAPTCHA after wrong passwords",
            status=status,
            hint="log in once in the browser, then try again",
        )
    if status < 300:
        return None
    words = error_text(body)
    detail = f": {words}" if words else ""
    if status < 400:
        target = headers.get("Location", "").partition("?")[0]
        if _LOGIN_URL.search(target):
            return AuthError(
                f"{what} was redirected to a login page, {target}",
                status=status,
                hint=_HINT_TOKEN,
                final=True,
            )
        return BadAnswerError(
            f"{what} answered {status}, a redirect to {target}",
            status=status,
            hint="use the address it points to as the site's URL",
            final=True,
        )
    if status == 403:
        hint = _HINT_XSRF if "XSRF" in words else "ask for the permission"
        return ForbiddenError(f"{what} is forbidden{detail}", status=status, hint=hint)
    if status == 404:
        return NotFoundError(
            f"{what} was not found{detail}", status=status, hint="check the URL and the id or key"
        )
    if status == 407:
        return SiteError(
            f"{what} was stopped by a proxy that asks for a login{detail}",
            status=status,
            hint="give it: proxies={'https': 'http://user:password@proxy:8080'}",
        )
    if status == 409:
        return ConflictError(f"{what}: someone else changed it{detail}", status=status, hint="read it again")
    if status == 429:
        reason = headers.get("RateLimit-Reason")
        because = f" ({reason})" if reason else ""
        return RateLimitedError(
            f"{what} was rate limited{because}", status=status, hint="lower the concurrency, or wait"
        )
    if status >= 500:
        return UnavailableError(f"{what} answered {status}{detail}", status=status, hint="try again later")
    return SiteError(f"{what} answered {status}{detail}", status=status)


def _refused_login(what: str, status: int, body: Body) -> AuthError:
    words = error_text(body) if status == 401 else ""
    why = f": {words}" if words else "" if status == 401 else f" although it answered {status}"
    hint = "give the token the scope that this request needs" if "scope" in words.lower() else _HINT_TOKEN
    return AuthError(f"{what}: the login was refused{why}", status=status, hint=hint)


def login_page(what: str, status: int, headers: Mapping[str, str], body: Body) -> SiteError | None:
    """Return the error that an HTML answer is where JSON was promised, None if it is no HTML."""
    kind = headers.get("Content-Type", "")
    if "html" not in kind and not bytes(body[:200]).lstrip().startswith(b"<"):
        return None
    if _LOGIN.search(body):
        return AuthError(f"{what} answered with a login page", status=status, hint=_HINT_TOKEN)
    return BadAnswerError(
        f"{what} answered with a web page instead of data: {error_text(body)}",
        status=status,
        hint="a proxy or portal may have answered: check the network, and the URL: the site's base URL",
    )


def error_text(body: Body) -> str:
    """Return what an error body says, as one short line of plain text."""
    text = bytes(body[:20_000]).decode("utf-8", "replace")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if "<" in text:
            title = _TITLE.search(text)
            text = html.unescape(_TAG.sub(" ", title[1] if title else text))
    else:
        text = "; ".join(dict.fromkeys(_sentences(value)))
    return one_line(text)


def _sentences(value: Any, depth: int = 0) -> list[str]:
    """Collect the messages of the error bodies that Jira and Confluence send."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    if depth > MAX_DEPTH:
        return []
    if isinstance(value, list):
        return [line for item in value for line in _sentences(item, depth + 1)]
    if not isinstance(value, dict):
        return []
    lines: list[str] = []
    for key in ("errorMessages", "warningMessages", "message", "error_description", "errorMessage", "title"):
        lines += _sentences(value.get(key), depth + 1)
    errors = value.get("errors")
    if isinstance(errors, dict):
        lines += [f"{name}: {line}" for name, item in errors.items() for line in _sentences(item, depth + 1)]
    else:
        lines += _sentences(errors, depth + 1)
    return lines or _sentences(value.get("data"), depth + 1) or _sentences(value.get("error"), depth + 1)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how many seconds a limited answer asks to wait, None if it does not say.

    Seen in the wild: seconds, an HTTP date, an ISO time to the minute, Data Center's interval, nothing.
    """
    for name in ("Retry-After", "X-RateLimit-Reset"):
        value = headers.get(name, "").strip()
        if value and (seconds := _until(value, now, epoch=name != "Retry-After")) is not None:
            return seconds
    interval = headers.get("X-RateLimit-Interval-Seconds", "")
    return _number(interval)


def near_limit(headers: Mapping[str, str]) -> bool:
    """Tell whether a good answer warns that the next requests may be refused."""
    return headers.get("X-RateLimit-NearLimit", "").lower() == "true"


def budget(headers: Mapping[str, str], now: datetime) -> Budget | None:
    """Return how many requests an answer says are left, None if it does not say.

    Data Center reports how fast they come back, Cloud at most when.
    """
    left = _number(headers.get("X-RateLimit-Remaining", ""))
    if left is None:
        return None
    fill = _number(headers.get("X-RateLimit-FillRate", ""))
    seconds = _number(headers.get("X-RateLimit-Interval-Seconds", ""))
    most = _number(headers.get("X-RateLimit-Limit", ""))
    reset = _until(headers.get("X-RateLimit-Reset", "").strip(), now, epoch=True)
    return Budget(left, most or left, fill / seconds if fill and seconds else 0.0, reset)


def _until(value: str, now: datetime, *, epoch: bool) -> float | None:
    number = _number(value)
    if number is not None:
        # X-RateLimit-Reset may be seconds since 1970, or milliseconds.
        since_1970 = number / 1000 if number > 1e11 else number
        return max(0.0, since_1970 - now.timestamp()) if epoch and number > 1e9 else number
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
