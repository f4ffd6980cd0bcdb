"""Small templates for one purpose each, and a look into the parts of a workbook."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from support.excel_zoo import parts_of

Extra = Callable[[xlsxwriter.Workbook, Any], None]


def issues_table(path: Path, extra: Extra | None = None, *, rows: int = 2, **options: Any) -> Path:
    """Write a sheet Data with a table Issues of Key and Points from A1, and what `extra` adds."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    columns = options.pop("columns", [{"header": "Key"}, {"header": "Points"}])
    data = [[f"OLD-{n}", n] for n in range(1, rows + 1)]
    bottom = rows + options.get("total_row", False)
    sheet.add_table(
        0, 0, bottom, len(columns) - 1, {"name": "Issues", "columns": columns, "data": data, **options}
    )
    if extra is not None:
        extra(book, sheet)
    book.close()
    return path


def issues_frame(rows: int, first: int = 1) -> pd.DataFrame:
    """Return as many new issues, with links."""
    keys = [f"NEW-{n}" for n in range(first, first + rows)]
    frame = pd.DataFrame({"Key": pd.Series(keys, dtype="str"), "Points": range(rows)})
    frame.attrs["site"] = "https://jira.example.org"
    return frame


def patched(path: Path, changes: dict[str, Any]) -> Path:
    """Change parts: text by (pattern, replacement), bytes added as they are."""
    parts = parts_of(path)
    for name, change in changes.items():
        if isinstance(change, bytes):
            parts[name] = change
        else:
            text, count = re.subn(change[0], change[1], parts[name].decode())
            assert count, change
            parts[name] = text.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def text_of(path: Path, part: str) -> str:
    """Return a part of a workbook as text."""
    return parts_of(path)[part].decode()
