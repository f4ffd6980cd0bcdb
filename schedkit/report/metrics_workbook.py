"""The weekly pack as a workbook: a sheet for each figure, its picture beside the numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from schedkit.values.keywords import check_keywords

if TYPE_CHECKING:
    from schedkit.excel import Written
    from schedkit.flow import Pack

__all__ = ["write_pack"]

# Excel refuses these in the names of sheets.
_REFUSED = re.compile(r"[\[\]:*?/\\]")


@check_keywords
def write_pack(pack: Pack, path: str | Path, *, title: str = "Metrics", pictures: bool = True) -> Written:
    """Write the figures of a pack as a workbook.

    Parameters
    ----------
    pack : Pack
        As `schedkit.flow.pack` returns it.
    path : str or Path
        The workbook; one that is there is replaced whole.
    title : str
        What the workbook is called.
    pictures : bool
        Whether each sheet has its picture.

    Returns
    -------
    Written
        As `schedkit.excel.write` returns it.
    """
    from openpyxl.utils import get_column_letter

    from schedkit import excel

    frames, images = {}, {}
    for name in pack:
        shown = pack.readable(name)
        if not len(shown):
            continue
        sheet = _REFUSED.sub(" –", pack.title(name))
        frames[sheet] = shown
        if pictures:
            quoted, beside = sheet.replace("'", "''"), get_column_letter(len(shown.columns) + 2)
            alt = f"{pack.title(name)}, {pack.period}"
            images[f"'{quoted}'!{beside}2"] = excel.Picture(pack.plot(name), alt)
    return excel.write(frames, path, title=f"{title}, {pack.period}", images=images)
