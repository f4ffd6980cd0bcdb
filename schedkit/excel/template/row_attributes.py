"""The attributes of the elements of new rows: their formats, and their outline levels."""

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
    """Return the formats of the first row, for all rows.

    With `keep`, return the attributes that each row has; with `shown`, without those that hide it.
    """
    look = sheet.row(region.body.top).look
    if not keep:
        return look
    kept = (
        sheet.attributes(number, shown=shown) if number <= region.body.bottom else None
        for number in numbers.tolist()
    )
    return pa.array([look if each is None else each for each in kept], _STRING)


def grouped(sheet: Sheet, attributes: pa.Array | str, outline: Outline | None, count: int) -> pa.Array | str:
    """Return the attributes of `count` rows with their outline levels; the sheet gets enough levels."""
    if outline is None or len(outline.levels) != count:
        return attributes
    formats = sheet.document.root.child("sheetFormatPr")
    if formats is not None:
        known = formats.get("outlineLevelRow", "0")
        deepest = max(outline.deepest, int(known) if known.isdecimal() else 0)
        sheet.document.set_attributes(formats, outlineLevelRow=str(deepest))
    each = pa.array([attributes] * count, _STRING) if isinstance(attributes, str) else attributes
    plain = pc.replace_substring_regex(each, _LEVEL, "")
    return pc.binary_join_element_wise(plain, outline.attributes(), pa.scalar("", _STRING))
