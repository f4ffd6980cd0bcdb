"""The document tells the truth: generated requests of every route are answered as it says, never with 5xx."""

from __future__ import annotations

import contextlib
import os
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
