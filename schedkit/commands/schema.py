"""``schedkit schema``: the JSON Schema of reports, by which editors complete and check them."""

from __future__ import annotations

import json
import sys

__all__ = ["print_schema", "schema_text"]


def schema_text() -> str:
    """Return the JSON Schema of a report."""
    from schedkit.report import report_schema

    return json.dumps(report_schema(), indent=2) + "\n"


def print_schema() -> None:
    """Print the JSON Schema of a report."""
    sys.stdout.write(schema_text())
