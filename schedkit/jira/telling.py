"""What changelogs and worklogs share: one request decoded to its type, one instant read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from schedkit.atlassian import Body, Request
from schedkit.jira.asking import Source
from schedkit.jira.decoding import decoded

__all__ = ["ISSUES_PER_REQUEST", "ask", "decoder", "instant"]

# An issue's history weighs up to some hundred KB.
ISSUES_PER_REQUEST = 100


async def ask(source: Source, path: str, body: dict[str, Any], kind: Any) -> Any:
    request = Request("POST", source.dialect.api + path, json=body, idempotent=True, decode=decoder(kind))
    return (await source.site.send(request)).value


def decoder(kind: Any) -> Callable[[Body], Any]:
    return lambda body: decoded(body, kind, strict=False)


def instant(value: str | int) -> datetime:
    if isinstance(value, int):
        # Cloud's bulk answer counts, in seconds or milliseconds.
        return datetime.fromtimestamp(value / 1000 if value > 100_000_000_000 else value, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)
