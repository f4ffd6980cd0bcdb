"""The published schema takes what the reports take, and describes every key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.report import report_schema
from schedkit.report.deliver import Deliver
from schedkit.report.steps import Shape

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    made = report_schema()
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def errors(schema: Draft202012Validator, document: object) -> list[str]:
    return [error.message for error in schema.iter_errors(document)]


def test_the_reports_of_this_repository(schema: Draft202012Validator) -> None:
    for path in (ROOT / "reports").glob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            assert errors(schema, document) == []


GOOD: dict[str, Any] = {
    "name": "r",
    "params": {"project": "A", "least": {"type": "integer", "default": 3}},
    "for_each": {"project": ["A", "B"]},
    "schedule": {"any_of": [{"cron": "@daily"}, {"every": "1h"}]},
    "task": {"timeout": "5m", "retry": {"attempts": 3}, "tags": ["a"], "after": "other", "priority": "high"},
    "extract": {"bugs": {"site": "a", "jql": "b", "limit": "{{ least }}"}, "history": {"changelog": "bugs"}},
    "shape": [{"metrics": {"cycle_times": {}, "add": ["Cycle"]}}, {"join": {"with": "bugs", "on": "Key"}}],
    "check": [{"min_rows": 1}, {"max_drop": "50%"}, {"expect": "a > 1", "frame": "bugs"}],
    "deliver": [{"excel": {"path": "a.xlsx", "sheets": {"A": "bugs"}}}, {"notify": {"channel": "X"}}],
}


def test_a_report_of_every_section(schema: Draft202012Validator) -> None:
    assert errors(schema, GOOD) == []
    assert errors(schema, {"name": "n", "notebook": "a.ipynb", "params": {"a": 1}}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"nam": "x"},
        {"extract": {"site": "a", "jlq": "b"}},
        {"shape": [{"sortt": "a"}]},
        {"shape": [{"metrics": {"cycle_time": {}}}]},
        {"check": [{"filled": "Key"}]},
        {"deliver": [{"excl": {"path": "a.xlsx"}}]},
        {"deliver": [{"excel": {"pth": "a.xlsx"}}]},
        {"task": {"timout": "5m"}},
        {"schedule": {"crn": "@daily"}},
    ],
)
def test_what_an_editor_marks(schema: Draft202012Validator, wrong: dict[str, Any]) -> None:
    assert errors(schema, {**GOOD, **wrong}) != []


def described(definition: dict[str, Any]) -> Iterator[str]:
    for name, what in definition.get("properties", {}).items():
        if not what.get("description") and "$ref" not in str(what):
            yield name


def test_keys_are_described(schema: Draft202012Validator) -> None:
    definitions = schema.schema["$defs"]
    for name in ("Report", "Extract", "Check", "Group", "Pivot", "Join", "PageDelivery", "WorkbookDelivery"):
        assert list(described(definitions[name])) == [], name
    assert set(definitions["ReportTask"]["properties"]) >= {
        name
        for name, option in TASK_OPTIONS.items()
        if option.data and name not in ("name", "description", "params")
    }
    assert set(Deliver.model_fields) <= set(definitions["Deliver"]["properties"])
    assert set(Shape.model_fields) <= set(definitions["Shape"]["properties"])
