"""What the elements of new rows carry: their look, and their level where rows are grouped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.outline import Outline
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.template.region import Region

__all__ = ["grouped", "row_attributes"]

_STRING = pa.large_string()
_LEVEL = ' (?:outlineLevel|hidden|collapsed)="[^"]*"'


def row_attributes(
    sheet: Sheet, region: Region, numbers: npt.NDArray[np.int64], *, keep: bool, shown: bool
) -> pa.Array | str:
    """Return the first row's look, for all rows.

    With `keep` it is what each row had, `shown` even where a filter hid it.
    """
    look = sheet.row(region.body.top).look
    if not keep:
        return look
    told = (
        sheet.attributes(number, shown=shown) if number <= region.body.bottom else None
        for number in numbers.tolist()
    )
    return pa.array([look if each is None else each for each in told], _STRING)


def grouped(sheet: Sheet, attributes: pa.Array | str, outline: Outline | None, count: int) -> pa.Array | str:
    """Return the attributes of `count` rows with the level of each; their sheet can show so many levels."""
    if outline is None or len(outline.levels) != count:
        return attributes
    formats = sheet.document.root.child("sheetFormatPr")
    if formats is not None:
        known = formats.get("outlineLevelRow", "0")
        deepest = max(outline.deepest, int(known) if known.isdecimal() else 0)
        sheet.document.set_attributes(formats, outlineLevelRow=str(deepest))
    told = pa.array([attributes] * count, _STRING) if isinstance(attributes, str) else attributes
    plain = pc.replace_substring_regex(told, _LEVEL, "")
    return pc.binary_join_element_wise(plain, outline.attributes(), pa.scalar("", _STRING))
