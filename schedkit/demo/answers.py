"""Answers in the words of Atlassian's servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

JSON = "application/json;charset=UTF-8"
LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Log in</title></head><body><h1>Log in to continue</h1>"
    "<form action='/login.jsp' method='post'><input name='os_username'></form></body></html>"
)
TOMCAT_PAGE = (
    '<!doctype html><html lang="en"><head><title>HTTP Status {status} – {name}</title></head><body>'
    '<h1>HTTP Status {status} – {name}</h1><hr class="line" /><h3>Apache Tomcat/9.0</h3></body></html>'
)


encoded = msgspec.json.encode


def raw(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer from bytes."""
    return Response(body, status, headers, media_type=JSON)


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer from a value."""
    return raw(encoded(value), status, headers)


def html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An HTML answer."""
    return Response(text, status, headers, media_type="text/html;charset=UTF-8")


def refused(
    status: int, messages: Iterable[str], errors: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Jira's error body: ``{"errorMessages": […], "errors": {…}}``."""
    return json({"errorMessages": list(messages), "errors": dict(errors or {}), **more}, status)
