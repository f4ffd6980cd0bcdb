"""Atlassian's OpenAPI documents, cut down to the paths a test asks for, and judged by openapi-core."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import requests
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.media_types.exceptions import MediaTypeNotFound


class Contract:
    """One document, restricted to `paths`: whole it takes seconds to load, so it takes some milliseconds.

    `lists` are paths whose GET the document describes by one item of the array it answers.
    """

    def __init__(self, file: Path, server: str, paths: Iterable[str], lists: Iterable[str] = ()) -> None:
        whole = msgspec.json.decode(file.read_bytes())
        document = {
            "openapi": whole["openapi"],
            "info": whole["info"],
            "servers": [{"url": server}],
            "paths": {path: whole["paths"][path] for path in paths},
            "components": {},
        }
        for operations in document["paths"].values():
            for operation in operations.values():
                if isinstance(operation, dict):
                    # Who may ask is judged by other tests.
                    operation.pop("security", None)
        _follow(document["paths"], whole, document)
        _mend(document)
        for path in lists:
            content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
            content["schema"] = {"type": "array", "items": content["schema"]}
        self.server = server
        # The documents fail a strict validation of themselves, in parts unused here.
        self.api = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))

    def judge(self, answer: requests.Response) -> None:
        """Hold an answer against the document; AssertionError where it does not fit."""
        request = RequestsOpenAPIRequest(answer.request)
        if answer.status_code == 204:
            # Some documents promise a JSON body with a 204; HTTP forbids any.
            assert not answer.content
            return
        try:
            self.api.validate_response(request, RequestsOpenAPIResponse(answer))
        except OpenAPIError as error:
            if isinstance(error.__cause__, MediaTypeNotFound) and answer.status_code >= 400:
                return  # the document names this status and says nothing of its body
            found = getattr(error.__cause__, "schema_errors", ())
            told = "; ".join(f"{list(e.absolute_path)}: {e.message[:200]}" for e in found)
            raise AssertionError(f"{type(error).__name__}: {told or error}") from error


# Jira writes +0200 where RFC 3339 wants +02:00; so do all captured answers.
_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$"


def _mend(node: Any) -> None:
    """Bring the document to what the real servers answer, where captured answers show it to be wrong."""
    if isinstance(node, dict):
        if node.get("format") == "date-time":
            del node["format"]
            node["pattern"] = _MOMENT
        properties = node.get("properties")
        if isinstance(properties, dict) and {"fromString", "toString"} <= properties.keys():
            # A change from or to nothing holds null.
            for name in ("from", "fromString", "to", "toString"):
                properties[name] = {}
        if isinstance(properties, dict) and {"errors", "authorized"} <= properties.keys():
            # Described as an object, answered as a list.
            properties["errors"] = {}
        if isinstance(properties, dict) and {"fields", "changelog"} <= properties.keys():
            # Described as objects; a summary is a string all the same.
            properties["fields"] = {"type": "object"}
        if isinstance(properties, dict) and {"type", "projectKeyOrId"} == properties.keys():
            # A board's place: the document's own example, and captured answers, have other names.
            properties |= {name: {"type": "string"} for name in ("key", "id", "self", "name")}
        if isinstance(node.get("oneOf"), list):
            # v2's page bodies match several of the alternatives they list.
            node["anyOf"] = node.pop("oneOf")
        for value in node.values():
            _mend(value)
    elif isinstance(node, list):
        for value in node:
            _mend(value)


def _follow(node: Any, whole: Any, into: Any) -> None:
    """Copy what `node` refers to, and what that refers to."""
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str):
            _, _, kind, name = ref.split("/")
            kept = into["components"].setdefault(kind, {})
            if name not in kept:
                kept[name] = whole["components"][kind][name]
                _follow(kept[name], whole, into)
        for value in node.values():
            _follow(value, whole, into)
    elif isinstance(node, list):
        for value in node:
            _follow(value, whole, into)
