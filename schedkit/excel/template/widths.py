"""Widths for columns of a sheet that have none."""

from __future__ import annotations

from collections.abc import Mapping

from schedkit.excel.parts.sheet import ORDER, Sheet

__all__ = ["set_widths"]


def set_widths(sheet: Sheet, widths: Mapping[int, float]) -> None:
    """Give columns, by 1-based position, a width in characters where the sheet gives none."""
    document = sheet.document
    element = document.root.child("cols")
    told = [] if element is None else element.children
    ends = [(int(column.get("min", "0")), int(column.get("max", "0"))) for column in told]
    open_ = {
        position: width
        for position, width in sorted(widths.items())
        if not any(first <= position <= last for first, last in ends)
    }
    made = {
        position: f'<{sheet.prefix}col min="{position}" max="{position}" width="{width:g}" customWidth="1"/>'
        for position, width in open_.items()
    }
    if not made:
        return
    if element is None:
        place = document.place(document.root, "cols", ORDER)
        content = "".join(made.values())
        document.splice(place, place, f"<{sheet.prefix}cols>{content}</{sheet.prefix}cols>".encode())
        return
    for position, column in made.items():
        # Columns are declared from left to right.
        later = next(
            (each.start for each, (first, _) in zip(told, ends, strict=True) if first > position), None
        )
        place = element.inner_end if later is None else later
        document.splice(place, place, column.encode())
