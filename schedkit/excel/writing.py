"""`write`: frames into a file, by its suffix."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.atomic import replace_whole
from schedkit.excel.fill import fill
from schedkit.excel.model import Infinite, Policy
from schedkit.excel.plan import lay_out
from schedkit.excel.result import Written
from schedkit.excel.skeleton import draw
from schedkit.excel.tally import Tally
from schedkit.excel.zones import zone_of


def write(
    data: pd.DataFrame | Mapping[str, pd.DataFrame],
    path: str | Path,
    *,
    sheet: str | None = None,
    links: bool | Mapping[str, str] = True,
    tz: str | tzinfo | None = None,
    inf: Infinite = "text",
) -> Written:
    """Write one or more frames as a workbook; an existing file is replaced whole or not at all.

    Parameters
    ----------
    data : DataFrame or mapping of sheet name to DataFrame
        Named index levels become leading columns; an unnamed index is left out.
    path : str or Path
        Ends in ``.xlsx``. Missing folders are made.
    sheet : str, optional
        The sheet's name for a single frame; by default the file's name.
    links : bool or mapping of column to address
        True links issue keys (where ``df.attrs["site"]`` tells the site) and addresses. A mapping adds
        columns of your own, ``{"Build": "https://ci.example.org/{}"}``. False links nothing.
    tz : str or tzinfo, optional
        The zone that aware datetimes are shown in, as Excel knows no zones; the machine's by default.
    inf : {"text", "omit", "error"}
        What infinite numbers become.

    Returns
    -------
    Written
        Where the file is and what had to be altered; the same facts go to the surrounding run.

    Raises
    ------
    WorkbookError
        If the frame cannot be a sheet, or the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> written = write(pd.DataFrame({"Key": ["A-1"], "Summary": ["=1+1"]}), folder / "bugs.xlsx")
    >>> written.rows, written.sheets, written.altered
    (1, ('bugs',), {})
    """
    started = time.perf_counter()
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise WorkbookError(f"{path.name!r} is not a workbook's name", hint="let it end in .xlsx")
    zone, zone_name = zone_of(tz)
    frames = {sheet or path.stem: data} if isinstance(data, pd.DataFrame) else dict(data)
    tally = Tally()
    laid = lay_out(
        {str(name): frame for name, frame in frames.items()}, Policy(zone, zone_name, inf), links, tally
    )
    drawn = draw(laid.sheets)
    where = replace_whole(path, lambda file: fill(drawn, laid, file, tally))
    written = Written(
        path=where,
        rows=sum(plan.rows for plan in laid.sheets),
        sheets=tuple(plan.name for plan in laid.sheets),
        altered=tally.as_dict(),
        timezone=zone_name,
        bytes=where.stat().st_size,
        seconds=time.perf_counter() - started,
    )
    context.artifact(where)
    context.fact("workbook", written.facts())
    return written
