"""A form of a task: what its function's type hints and defaults say, as JSON."""

from __future__ import annotations

import enum
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import httpx
import pandas as pd
import pytest

from schedkit.core.tasks.declare import declare
from schedkit.core.tasks.signature import LONGEST_DEFAULT, signature
from schedkit.report.params import Param, annotations_of, signature_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def fields(function: Callable[..., Any], **options: Any) -> list[dict[str, Any]]:
    found = signature(declare(function, **options))
    assert json.loads(json.dumps(found)) == found
    return found


def test_each_type_hint_is_a_kind_of_field() -> None:
    def extract(
        project: str,
        rows: int,
        share: float,
        full: bool,
        day: date,
        since: datetime,
        file: Path,
        keys: list[str],
        size: Decimal,
        mode: Literal["fast", "slow"],
        colour: Colour,
        either: int | str,
        free,
        run,
    ) -> None: ...

    found = fields(extract)
    assert {field["name"]: field["kind"] for field in found} == {
        "project": "text",
        "rows": "integer",
        "share": "number",
        "full": "flag",
        "day": "date",
        "since": "time",
        "file": "text",
        "keys": "json",
        "size": "json",
        "mode": "choice",
        "colour": "choice",
        "either": "any",
        "free": "any",
    }
    assert all(field["required"] for field in found)
    assert [field.get("choices") for field in found[9:11]] == [["fast", "slow"], ["red", "blue"]]


def test_none_may_be_a_value() -> None:
    def extract(
        a: int | None,
        b: Optional[str],  # noqa: UP045  # the other way to write it
        c: Annotated[int | None, "rows"],
        d: None,
        e: int,
    ) -> None: ...

    found = fields(extract)
    assert [field.get("optional", False) for field in found] == [True, True, True, True, False]
    assert [field["kind"] for field in found] == ["integer", "text", "integer", "json", "integer"]


def test_defaults_are_values_where_they_are_short_json() -> None:
    def extract(
        rows: int = 5,
        name: str = "Müller",
        day: date = date(2026, 3, 2),
        colour: Colour = Colour.BLUE,
        keys: tuple[str, ...] = ("A", "B"),
        nothing: str | None = None,
        long: str = "x" * (LONGEST_DEFAULT + 1),
        own: Any = object(),  # noqa: B008  # what a form cannot show
        infinite: float = float("inf"),
    ) -> None: ...

    found = {field["name"]: field for field in fields(extract)}
    assert not any(field["required"] for field in found.values())
    values = {name: field["default"] for name, field in found.items() if "default" in field}
    assert values == {
        "rows": 5,
        "name": "Müller",
        "day": "2026-03-02",
        "colour": "blue",
        "keys": ["A", "B"],
        "nothing": None,
    }
    assert found["long"]["shown"].startswith("'xxx")
    assert len(found["long"]["shown"]) <= LONGEST_DEFAULT
    assert "object" in found["own"]["shown"]
    assert found["infinite"]["shown"] == "inf"


def test_parameters_of_the_declaration_are_defaults() -> None:
    def extract(project: str, rows: int = 5) -> None: ...

    assert fields(extract, params={"project": "KAFKA", "rows": 7}) == [
        {"name": "project", "kind": "text", "required": False, "default": "KAFKA"},
        {"name": "rows", "kind": "integer", "required": False, "default": 7},
    ]


def test_what_takes_nothing_has_no_form() -> None:
    assert fields(lambda: None, name="nothing") == []
    assert fields(lambda **anything: None, name="open") == []


@pytest.mark.parametrize("function", [pd.read_csv, pd.merge, httpx.get, shutil.copytree, subprocess.Popen])
def test_functions_that_others_wrote(function: Callable[..., Any]) -> None:
    found = fields(function, name="foreign")
    assert len(found) > 5
    assert all(("default" in field) + ("shown" in field) == (not field["required"]) for field in found)


def test_a_default_that_is_a_mark_of_others_is_no_value() -> None:
    sep = next(field for field in fields(pd.read_csv) if field["name"] == "sep")
    assert "no_default" in sep["shown"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("string", "text"), ("integer", "integer"), ("number", "number"), ("boolean", "flag"), ("date", "date")],
)
def test_parameters_of_a_report_are_fields(kind: Any, expected: str) -> None:
    params = {"wanted": Param(type=kind)}

    def report(**_: Any) -> None: ...

    report.__signature__ = signature_of(params)
    report.__annotations__ = annotations_of(params)
    assert fields(report) == [{"name": "wanted", "kind": expected, "required": True}]
