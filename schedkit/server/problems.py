"""Failures answered as problem+json (RFC 9457) with the messages of schedkit's errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from schedkit.errors import (
    FileError,
    LedgerError,
    LifeEndedError,
    NotRunningError,
    SchedkitError,
    UsageError,
)
from schedkit.server.guard import Refusal

__all__ = ["Problem", "ProblemError", "problem_of", "response"]

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not carried out.

    Attributes
    ----------
    type : str
        ``urn:schedkit:`` and the name of the error; ``about:blank`` where the status says all.
    title : str
        The status in words.
    status : int
        The HTTP status.
    detail : str
        What happened, and to which thing.
    hint : str
        What to do; may be empty.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    hint: str = ""


class ProblemError(Exception):
    """Raised inside a route to answer with a problem."""

    def __init__(self, status: int, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.problem = made(status, detail, hint)


# The first that fits decides. 4xx: the request is wrong; 503: the ledger cannot be reached.
_STATUS: tuple[tuple[type[SchedkitError], int], ...] = (
    (UsageError, 422),
    (NotRunningError, 409),
    (LedgerError, 503),
    (LifeEndedError, 503),
    (FileError, 404),
)


def made(status: int, detail: str, hint: str = "", kind: str = "about:blank") -> Problem:
    """Return a problem of an HTTP status."""
    return Problem(type=kind, title=HTTPStatus(status).phrase, status=status, detail=detail, hint=hint)


def problem_of(error: Exception | Refusal) -> Problem:
    """Return an error as a problem; an unexpected one reveals no detail."""
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, Refusal):
        return made(error.status, error.message, error.hint)
    if isinstance(error, SchedkitError):
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 409)
        return made(status, error.message, error.hint, f"urn:schedkit:{type(error).__name__}")
    return made(500, "the server failed to answer this request", "its log says why")


def response(
    problem: Problem, hide: Callable[[bytes], bytes], headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem as a response; `hide` removes paths from its bytes."""
    more = {"www-authenticate": "Bearer"} if problem.status == 401 else {}
    body = hide(msgspec.json.encode(problem))
    return Response(body, problem.status, {**more, **(headers or {})}, media_type=MEDIA_TYPE)
