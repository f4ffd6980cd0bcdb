"""What the workbook tests share: settings by name, and an outside reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from python_calamine import CalamineWorkbook

THOROUGH = bool(os.environ.get("SCHEDKIT_THOROUGH"))
# Two properties share the cases: 200 in ordinary tests, 2,000 thoroughly.
settings.register_profile(
    "excel",
    settings.default,
    max_examples=1000 if THOROUGH else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def cells() -> Callable[..., list[list[Any]]]:
    """Read a sheet with python-calamine, which shares no code with ours."""

    def read(path: Path, sheet: int | str = 0) -> list[list[Any]]:
        book = CalamineWorkbook.from_path(str(path))
        found = book.get_sheet_by_name(sheet) if isinstance(sheet, str) else book.get_sheet_by_index(sheet)
        return found.to_python(skip_empty_area=False)

    return read
