"""Charts on their way to a page: the files to attach, and the images that show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from schedkit.confluence.chart import Chart
from schedkit.confluence.markup import Formatted
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.plans.placeholders import BlockEdit, PageEdit
from schedkit.confluence.site.attachment import File
from schedkit.confluence.source.regions import Region
from schedkit.errors import UsageError
from schedkit.values.text import safe_repr

__all__ = ["beside_table", "files_of", "with_images"]


def beside_table(edit: TableEdit, chart: Chart) -> tuple[PageEdit, list[File]]:
    """Return an edit that shows a chart behind a table, or where people have moved it; and its file."""
    name = _slug(edit.region)
    image = chart.image(f"{name}.png")
    block = BlockEdit(f"chart-{name}", Formatted(image.storage), create=edit.region)
    return PageEdit([edit, block]), [File(image.filename, chart.data)]


def with_images(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of placeholders, with an image in place of each chart."""
    return {
        name: value.image(f"{name}.png") if isinstance(value, Chart) else value
        for name, value in values.items()
    }


def files_of(values: Mapping[str, Any]) -> list[File]:
    """Return the files of the charts among the values of placeholders.

    Raises
    ------
    UsageError
        If two charts have one name.
    """
    files: dict[str, File] = {}
    for name, value in values.items():
        if not isinstance(value, Chart):
            continue
        file = File(value.image(f"{name}.png").filename, value.data)
        if file.name in files and files[file.name] != file:
            raise UsageError(
                f"two charts are named {safe_repr(file.name)}", hint="give each its own: Chart(…, name=…)"
            )
        files[file.name] = file
    return list(files.values())


def _slug(region: Region) -> str:
    kind, _, name = str(region).partition(":")
    return re.sub(r"[^\w-]+", "-", f"table-{name}" if kind == "nth" else name).strip("-").lower() or "table"
