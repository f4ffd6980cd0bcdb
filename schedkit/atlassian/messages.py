"""What goes to a site and what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Body", "Request"]

# What is decoded: valid only until the decoder returns.
Body = bytes | memoryview

_NUMBER_OR_KEY = re.compile(r"^(\d\d+|[A-Z][A-Z0-9_]*-\d+|[0-9a-fA-F-]{32,36})$")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to a site.

    Parameters
    ----------
    method : str
        ``GET``, ``POST``, ``PUT`` or ``DELETE``.
    path : str
        Path below the site's URL, e.g. ``/rest/api/2/search``; an absolute URL only of the same site.
    params : mapping, optional
        Query parameters.
    json : object, optional
        Body, sent as JSON.
    data : mapping, optional
        Form fields that go with `files`.
    headers : mapping, optional
        Headers of this request only.
    files : mapping, optional
        Multipart files, as `requests` takes them.
    idempotent : bool, optional
        Whether it may be sent again when the outcome is unknown; by default only ``GET`` may. A search by
        ``POST`` is idempotent, a created comment is not.
    decode : callable, optional
        Turns the body into a value, in the worker thread; JSON by default. The body is lent: what it returns
        must not be a part of it.
    raw : bool
        The body is not JSON (an attachment, a rendered page): take it as it is.
    retries : int, optional
        How often to repeat it after a network error, a 5xx or a garbled answer; the site's own number by
        default.
    """

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    data: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    files: Mapping[str, Any] | None = None
    idempotent: bool | None = None
    decode: Callable[[Body], Any] | None = None
    raw: bool = False
    retries: int | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method in ("GET", "HEAD") if self.idempotent is None else self.idempotent

    @property
    def endpoint(self) -> str:
        """What the site's limits count: the method and the path without numbers and keys."""
        parts = ("*" if _NUMBER_OR_KEY.match(part) else part for part in self.path.split("?")[0].split("/"))
        return f"{self.method} {'/'.join(parts)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer (2xx) of a site.

    Parameters
    ----------
    status : int
        The HTTP status.
    headers : mapping
        Case-insensitive.
    body : bytes
        As received, decompressed; empty where the request has a `decode` of its own.
    value : object
        The decoded body; None where there is none.
    size : int
        Bytes received, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    value: Any = field(repr=False, default=None)
    size: int = 0

    def json(self) -> Any:
        """Return the decoded body."""
        return self.value
