"""The document tells the truth: generated requests of every route are answered as it says, never with 5xx."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from support.rest import served

from schedkit.server import Server, ServerOptions

EXAMPLES = 300 if os.environ.get("SCHEDKIT_THOROUGH") else 5
STREAM = "/api/v1/events"  # does not end
TASKS = ("crawl_site", "fails", "JIRA Extraction - Root Ticket ü")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of a server, with the server behind it."""
    folder: Path = tmp_path_factory.mktemp("document")
    with served(folder) as (_, app), Server(app, ServerOptions(port=0)) as server:
        load_all_checks()
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_it_is_a_valid_document_of_every_public_route(document: Any) -> None:
    document.validate()
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 25
    assert all(operation.definition.raw["description"] for operation in operations)


def test_no_text_of_a_query_may_be_what_is_refused_before_any_route(document: Any) -> None:
    """Of 300 examples one had a NUL, which was valid by the document and answered with 400."""
    texts = {
        (operation.path, parameter.name): parameter.definition["schema"]
        for operation in (found.ok() for found in document.get_all_operations())
        for parameter in operation.query
    }
    free = [
        where
        for where, schema in texts.items()
        for kind in schema.get("anyOf", [schema])
        if kind.get("type") == "string" and not {"pattern", "enum", "format"} & set(kind)
    ]
    assert len(texts) > 20
    assert free == []


# What only screens read is documented as an object: its fields are those of the board.
BOARDS = {"get_board", "get_board_task", "board_run", "history", "calendar"}


def operations(document: Any) -> list[dict[str, Any]]:
    """Return what the document says of each route."""
    return [operation for path in document.raw_schema["paths"].values() for operation in path.values()]


def test_a_generated_client_has_short_names(document: Any) -> None:
    """``trigger_task``; FastAPI's own are ``trigger_task_scheduler_tasks__name__trigger_post``."""
    names = [operation["operationId"] for operation in operations(document)]
    assert {"list_tasks", "trigger_task", "get_run"} <= set(names)
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name)] == []


def test_a_generated_client_has_types(document: Any) -> None:
    """Generators take a body or an answer that is no component for a dictionary, or for anything."""
    known, untyped = set(document.raw_schema["components"]["schemas"]), set()
    for operation in operations(document):
        answers = [answer["content"] for answer in operation["responses"].values()]
        for content in (operation.get("requestBody", {}).get("content", {}), *answers):
            for media in [content[kind] for kind in content if kind.endswith("json")]:
                schema = media["schema"].get("items", media["schema"])
                if schema.get("$ref", "").rpartition("/")[2] not in known:
                    untyped.add(operation["operationId"])
    assert untyped == BOARDS
    bodies = [operation for operation in operations(document) if "requestBody" in operation]
    assert len(bodies) == 7
    request = document.raw_schema["components"]["schemas"]["TaskRequest"]
    assert not {"anyOf", "oneOf"} & set(request)


def test_no_parameter_may_be_null(document: Any) -> None:
    """A client that sends None in a header fails, or sends the text "None"."""
    parameters = [one for operation in operations(document) for one in operation.get("parameters", ())]
    assert {one["in"] for one in parameters} == {"path", "query", "header"}
    assert [one["name"] for one in parameters if "null" in str(one["schema"])] == []


def test_files_are_bytes(document: Any) -> None:
    answers = [
        operation["responses"]["200"] for operation in operations(document) if "200" in operation["responses"]
    ]
    media = [answer["content"].get("application/octet-stream") for answer in answers]
    (file,) = filter(None, media)
    assert file["schema"] == {"type": "string", "format": "binary"}


def test_what_is_refused_before_any_route_is_documented_at_all(document: Any) -> None:
    """Statuses of the wrapper: it looks at heads, at who asks, and at bodies."""
    for operation in operations(document):
        assert {"400", "401", "403", "414", "421", "431", "503"} <= set(operation["responses"])
        if "requestBody" in operation:
            assert {"408", "413", "415", "422"} <= set(operation["responses"])


def test_the_answer_of_one_that_is_not_ready_has_the_documented_shape(document: Any) -> None:
    content = document.raw_schema["paths"]["/readyz"]["get"]["responses"]["503"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Health"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_every_route_answers_as_documented(document: Any, mode: GenerationMode) -> None:
    """Both what the document allows and what it does not."""
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path != STREAM:
            check(operation, mode)


def check(operation: Any, mode: GenerationMode) -> None:
    """Ask a route what is generated; half of the tasks in paths exist."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        names = case.path_parameters or {}
        if mode is GenerationMode.POSITIVE and "name" in names and len(names["name"]) % 2:
            names["name"] = TASKS[len(names["name"]) % len(TASKS)]
        # Which parameters, crontabs and times a task takes, only the task can tell.
        judged = [positive_data_acceptance] if operation.method == "post" and operation.body else []
        case.call_and_validate(excluded_checks=judged)

    with contextlib.suppress(Unsatisfiable):  # a route without parameters has nothing that could be wrong
        ask()
