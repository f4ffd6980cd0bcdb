"""Planned failures: which request meets one, and what the refusals look like."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from schedkit.demo import answers
from schedkit.demo.knobs import Faults

REFUSALS = {"401": "Unauthorized", "503": "Service Unavailable"}


class Plan:
    """Draws faults, seeded, and counts those of each plan against its `times`."""

    def __init__(self, seed: int) -> None:
        self._rng, self._lock = Random(seed), threading.Lock()
        self._met: dict[Faults, int] = {}
        self._forms = 0

    def restart(self, faults: Faults) -> None:
        """Forget how often a plan was met."""
        with self._lock:
            self._met.pop(faults, None)

    def draw(self, request: Request, faults: Faults) -> str | None:
        """The fault this request meets, if any."""
        if not faults.rate or faults.path not in request.url.path:
            return None
        if faults.method not in ("", request.method):
            return None
        with self._lock:
            met = self._met.get(faults, 0)
            if faults.times is not None and met >= faults.times:
                return None
            if self._rng.random() >= faults.rate:
                return None
            self._met[faults] = met + 1
            return self._rng.choice(faults.kinds)

    def coin(self) -> bool:
        with self._lock:
            return self._rng.random() < 0.5

    def refusal(self, kind: str, after: float) -> Response:
        """The answer of a fault that needs nothing carried out."""
        if kind == "429":
            self._forms += 1
            return too_many(self._forms % 4, after)
        if kind == "html":
            return answers.html(answers.LOGIN_PAGE)
        status = int(kind)
        return answers.html(answers.TOMCAT_PAGE.format(status=status, name=REFUSALS[kind]), status)


def too_many(form: int, after: float) -> Response:
    """A 429 in one of its four forms: seconds, an HTTP date, an ISO minute, a Tomcat page without a word."""
    moment = datetime.now(UTC) + timedelta(seconds=after)
    if form == 1:
        return _limited({"Retry-After": f"{after:.0f}", "RateLimit-Reason": "jira-quota-tenant-based"})
    if form == 2:
        return _limited({"Retry-After": format_datetime(moment, usegmt=True)})
    if form == 3:
        return _limited(
            {
                "X-RateLimit-Limit": "350",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{moment:%Y-%m-%dT%H:%MZ}",
                "RateLimit-Reason": "jira-burst-based",
            }
        )
    page = answers.TOMCAT_PAGE.format(status=429, name="Too Many Requests")
    headers = {
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Interval-Seconds": "1",
        "X-RateLimit-FillRate": "10",
    }
    return answers.html(page, 429, headers)


def _limited(headers: dict[str, str]) -> Response:
    return answers.json({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, headers)
