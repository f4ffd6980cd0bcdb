"""A rate limit that is really kept: a bucket of requests per endpoint and method, as Atlassian keeps one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from schedkit.demo import answers

_NUMBER = re.compile(r"/(?:[A-Z][A-Z0-9_]*-)?(?:att)?\d+(?=/|$)")


class Quota:
    """At most `rate` requests a second per endpoint and method, saved up to `burst` of them.

    Parameters
    ----------
    rate : float
        Requests a second, 0 for no limit.
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self._clock = rate, clock
        self.burst = max(1.0, rate)
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, request: Request) -> float:
        """Use one request of the bucket; below 0, so much is missing and the request is refused."""
        key = (request.method, _NUMBER.sub("/{id}", request.url.path))
        now = self._clock()
        level, then = self._buckets.get(key, (self.burst, now))
        level = min(self.burst, level + (now - then) * self.rate) - 1
        # A refused request costs nothing.
        self._buckets[key] = (level if level >= 0 else level + 1, now)
        return level

    def refusal(self, missing: float, cloud: bool) -> Response:
        """The 429 of Cloud (seconds to wait) or Data Center (headers of the bucket, no word of waiting)."""
        if cloud:
            wait = max(1, -(missing // self.rate))
            headers = {"Retry-After": f"{wait:.0f}", "RateLimit-Reason": "jira-burst-based"}
            body = {"errorMessages": ["Rate limit exceeded."], "errors": {}}
            return answers.json(body, 429, headers | self.headers(0, cloud))
        page = answers.TOMCAT_PAGE.format(status=429, name="Too Many Requests")
        return answers.html(page, 429, self.headers(0, cloud))

    def headers(self, level: float, cloud: bool) -> dict[str, str]:
        """What an ordinary answer tells of the bucket; Data Center's ``retry-after: 0`` means nothing."""
        made = {"X-RateLimit-Limit": f"{self.burst:.0f}", "X-RateLimit-Remaining": f"{level:.0f}"}
        if cloud:
            return made
        told = {"X-RateLimit-Interval-Seconds": "1", "X-RateLimit-FillRate": f"{self.rate:.0f}"}
        return made | told | {"retry-after": "0"}
