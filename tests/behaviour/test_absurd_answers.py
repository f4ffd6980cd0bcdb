"""Five hundred absurd answers over real HTTP: each ends in one error of one line, or a right value."""

from __future__ import annotations

import functools
import gzip
import resource
import sys
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from schedkit.atlassian import Clock
from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import SchedkitError
from schedkit.jira import Jira

ALL = "project is not EMPTY ORDER BY key"
PAGE = "880001"
ISSUE = b'{"id": "1", "key": "A-1", "fields": %s}'


@functools.cache
def bomb() -> bytes:
    """Return a gzip of 400 MB of zeros, made without holding them."""
    deflate = zlib.compressobj(9, wbits=31)
    return b"".join([deflate.compress(bytes(1 << 20)) for _ in range(400)]) + deflate.flush()


EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


class Hurried(Clock):
    """A clock on which waiting takes no time."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def now(self) -> Any:
        return super().now() + timedelta(seconds=self.ahead)

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        await super().sleep(0)


def json(body: bytes, **headers: str) -> Response:
    return Response(body, headers={name.replace("_", "-"): value for name, value in headers.items()} or None,
                    media_type="application/json")  # fmt: skip


def page(issues: bytes) -> bytes:
    """Return a page of a search: of Data Center and, as far as it goes, of Cloud."""
    return b'{"startAt": 0, "maxResults": 50, "total": 1, "isLast": true, "issues": [%s]}' % issues


def nested(levels: int) -> bytes:
    return b'{"a": ' * levels + b"1" + b"}" * levels


def document(levels: int) -> bytes:
    """Return a rich text that is nested so deep."""
    node = b'{"type": "bulletList", "content": [' * levels + b"]}" * levels
    return ISSUE % (b'{"description": {"type": "doc", "version": 1, "content": [%s]}}' % node)


ANSWERS: dict[str, Callable[[], Response]] = {
    "empty": lambda: json(b""),
    "NUL bytes": lambda: json(b"\0" * 100),
    "null": lambda: json(b"null"),
    "a number": lambda: json(b"17"),
    "a number of 5000 digits": lambda: json(page(b'{"id": ' + b"9" * 5000 + b"}")),
    "a number beyond all": lambda: json(b'{"total": 1e999, "issues": []}'),
    "NaN": lambda: json(b'{"total": NaN, "issues": []}'),
    "a list of nulls": lambda: json(b"[null, null]"),
    "a list of lists": lambda: json(b"[[], [[]]]"),
    "lists 2000 deep": lambda: json(b"[" * 2000 + b"]" * 2000),
    "mappings 700 deep": lambda: json(nested(700)),
    "mappings 100,000 deep": lambda: json(nested(100_000)),
    "open brackets": lambda: json(b"[" * 100_000),
    "a rich text 150 deep": lambda: json(page(document(150))),
    "a rich text 450 deep": lambda: json(page(document(450))),
    "a key twice": lambda: json(b'{"issues": 1, "issues": "2", "total": 1, "total": null}'),
    "other types": lambda: json(b'{"issues": {"a": 1}, "total": "many", "results": 5, "body": 7}'),
    "issues that are null": lambda: json(page(b"null")),
    "fields that are a list": lambda: json(page(ISSUE % b"[1, 2]")),
    "fields of other types": lambda: json(page(ISSUE % b'{"summary": {"a": [1]}, "labels": 7}')),
    "a negative total": lambda: json(b'{"startAt": -5, "maxResults": 0, "total": -1, "issues": []}'),
    "an enormous total": lambda: json(b'{"startAt": 0, "total": 9000000000000000000, "issues": []}'),
    "UTF-16": lambda: Response("{}".encode("utf-16"), media_type="application/json; charset=utf-16"),
    "Latin-1": lambda: json(page(ISSUE % '{"summary": "fällig"}'.encode("latin-1"))),
    "half a surrogate pair": lambda: json(page(ISSUE % b'{"summary": "cut \\ud83d"}')),
    "a byte order mark": lambda: json(b"\xef\xbb\xbf" + page(b"")),
    "JSON and more": lambda: json(page(b"") + b"\n<!-- cached -->"),
    "a web page": lambda: Response("<html><title>Welcome</title></html>", media_type="text/html"),
    "a web page of open tags": lambda: Response("<title" * 50_000, media_type="text/html"),
    "XML": lambda: Response("<a/>", media_type="text/xml"),
    "an absurd type": lambda: Response(page(b""), media_type="x/" + "y" * 3000),
    "an image": lambda: Response(b"\x89PNG\r\n\x1a\n" + bytes(500), media_type="image/png"),
    "an absurd encoding": lambda: json(page(b""), Content_Encoding="rot13"),
    "no gzip": lambda: json(page(b""), Content_Encoding="gzip"),
    "half a gzip": lambda: json(gzip.compress(page(b"null," * 999))[:-20], Content_Encoding="gzip"),
    "a gzip bomb": lambda: json(bomb(), Content_Encoding="gzip"),
    "a bomb in a bomb": lambda: json(gzip.compress(bomb()), Content_Encoding="gzip, gzip"),
    "many encodings": lambda: json(page(b""), Content_Encoding=", ".join(["gzip"] * 50)),
    "an unknown status": lambda: Response("?", status_code=299),
    "no content": lambda: Response(status_code=204),
    "an error 400 deep": lambda: Response(nested(400), status_code=500, media_type="application/json"),
    "an error of lists": lambda: Response(b"[" * 300 + b"]" * 300, status_code=400),
    "an error of 1 MB": lambda: Response(b'{"message": "' + b"x" * 1_000_000 + b'"}', status_code=400),
    "an error of many lines": lambda: Response("a\nb\x1b[31m\rc" * 100, status_code=400),
    "a redirect to itself": lambda: Response(status_code=302, headers={"Location": "?again"}),
    "a redirect to nothing": lambda: Response(status_code=302),
    "a redirect elsewhere": lambda: Response(status_code=301, headers={"Location": "file:///etc/passwd"}),
    "a wait of a year": lambda: Response(status_code=503, headers={"Retry-After": "31536000"}),
    "a wait until 1970": lambda: Response(status_code=429, headers={"Retry-After": EPOCH}),
    "a wait of words": lambda: Response(status_code=429, headers={"Retry-After": "9" * 400}),
    "limits beyond all": lambda: json(page(b""), X_RateLimit_Remaining="-1e99", X_RateLimit_Reset="1e300"),
}  # fmt: skip

TARGETS: dict[str, tuple[str, Callable[[DemoSite, str], object]]] = {
    "fields": ("/field", lambda site, dialect: jira(site, dialect).fields()),
    "search": ("/search", lambda site, dialect: jira(site, dialect).search(ALL)),
    "changelog": ("/search", lambda site, dialect: jira(site, dialect).changelog(ALL)),
    "page": (f"/{PAGE}", lambda site, dialect: wiki(site, dialect).page(PAGE).source()),
    "tables": (f"/{PAGE}", lambda site, dialect: wiki(site, dialect).page(PAGE).tables()),
}


def jira(site: DemoSite, dialect: str) -> Jira:
    at = site.jira_cloud if dialect == "cloud" else site.jira_dc
    return Jira(at.url, user=at.user, token=at.token, retries=1, clock=Hurried())


def wiki(site: DemoSite, dialect: str) -> Confluence:
    at = site.confluence_cloud if dialect == "cloud" else site.confluence_dc
    return Confluence(at.url, at.user, at.token, retries=1, clock=Hurried())


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=20) as site:
        site.wiki.create("A page", "<p>text</p>", page_id=PAGE)
        yield site


@pytest.mark.parametrize("dialect", ["cloud", "dc"])
@pytest.mark.parametrize("target", TARGETS)
def test_an_absurd_answer_is_one_error_of_one_line_or_a_right_value(
    site: DemoSite, target: str, dialect: str
) -> None:
    path, ask = TARGETS[target]
    refusals: dict[str, SchedkitError] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, answer in ANSWERS.items():

        def absurd(request: Request, answer: Callable[[], Response] = answer) -> Response | None:
            return answer() if path in request.url.path else None

        take_away = site.before(absurd)
        try:
            ask(site, dialect)
        except SchedkitError as error:
            refusals[name] = error
        except Exception as error:
            error.add_note(f"answer: {name}")
            raise
        finally:
            take_away()
    assert len(refusals) > len(ANSWERS) // 2
    assert {name: str(error) for name, error in refusals.items() if "\n" in str(error)} == {}
    assert {name: str(error)[:200] for name, error in refusals.items() if len(str(error)) > 1000} == {}
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kilobytes / (1024 if sys.platform == "darwin" else 1) < 250_000


def test_there_are_five_hundred() -> None:
    assert 2 * len(TARGETS) * len(ANSWERS) >= 500
