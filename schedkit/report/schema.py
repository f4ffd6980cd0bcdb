"""The JSON Schema of report files, by which editors complete and check them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from pydantic import TypeAdapter

from schedkit.report.definition import NotebookReport, Report
from schedkit.report.deliver import ENTRY_POINTS
from schedkit.report.metrics import metric_names
from schedkit.report.steps import STEP_ENTRY_POINTS

__all__ = ["report_schema"]


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of one document of a report file.

    Steps and deliverers of other installed packages are in it by their names.
    """
    schema = TypeAdapter(Report | NotebookReport).json_schema(by_alias=True, mode="validation")
    definitions = schema["$defs"]
    for name, group in (("Deliver", ENTRY_POINTS), ("Shape", STEP_ENTRY_POINTS)):
        _close(definitions[name], [point.name for point in entry_points(group=group)])
    _close(definitions["Metrics"], metric_names())
    # Not anyOf, of which an editor could say only that nothing fits.
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A report of schedkit",
        "if": {"required": ["notebook"]},
        "then": {"$ref": "#/$defs/NotebookReport"},
        "else": {"$ref": "#/$defs/Report"},
        "$defs": _with_placeholders(definitions),
    }


def _close(definition: dict[str, Any], more: list[str]) -> None:
    """Let a definition have its own keys and `more`, and no others."""
    definition["properties"] |= {name: {"type": ["object", "null"]} for name in more}
    definition["additionalProperties"] = False


_PLACEHOLDER = {"type": "string", "pattern": r"^\s*\{\{.*\}\}\s*$"}


def _with_placeholders(schema: Any) -> Any:
    """Let every number, truth and choice also be a placeholder."""
    if isinstance(schema, list):
        return [_with_placeholders(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _with_placeholders(value) for key, value in schema.items()}
    if schema.get("type") in ("integer", "number", "boolean") and "const" not in schema:
        kept = {key: made.pop(key) for key in ("title", "description", "default") if key in made}
        return {**kept, "anyOf": [made, _PLACEHOLDER]}
    return made
