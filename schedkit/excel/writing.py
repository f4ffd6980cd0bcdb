"""`write`: frames into a file, by its suffix."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import IO

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.atomic import replace_whole
from schedkit.excel.fill import fill
from schedkit.excel.flat import WRITERS
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
    """Write frames as a workbook, CSV or Parquet; an existing file is replaced whole or not at all.

    Parameters
    ----------
    data : DataFrame or mapping of sheet name to DataFrame
        Named index levels become leading columns; an unnamed index is left out.
    path : str or Path
        Ends in ``.xlsx``, ``.csv`` (UTF-8, guarded against formula injection) or ``.parquet``. Missing
        folders are made.
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
    suffix = path.suffix.lower()
    if suffix != ".xlsx" and suffix not in WRITERS:
        raise WorkbookError(
            f"{path.name!r} does not tell what to write", hint="let it end in .xlsx, .csv or .parquet"
        )
    zone, zone_name = zone_of(tz)
    policy = Policy(zone, zone_name, inf)
    frames = {sheet or path.stem: data} if isinstance(data, pd.DataFrame) else dict(data)
    frames = {str(name): frame for name, frame in frames.items()}
    tally = Tally()
    job = _flat(frames, suffix, policy, tally) if suffix in WRITERS else _book(frames, policy, links, tally)
    where = replace_whole(path, job.fill)
    written = Written(
        path=where,
        rows=job.rows,
        sheets=job.sheets,
        altered=tally.as_dict(),
        timezone=zone_name,
        bytes=where.stat().st_size,
        seconds=time.perf_counter() - started,
    )
    context.artifact(where)
    context.fact("workbook", written.facts())
    return written


@dataclass(frozen=True)
class _Job:
    """What is going to be written, and how."""

    fill: Callable[[IO[bytes]], None]
    rows: int
    sheets: tuple[str, ...] = ()


def _flat(frames: dict[str, pd.DataFrame], suffix: str, policy: Policy, tally: Tally) -> _Job:
    if len(frames) != 1:
        raise WorkbookError(
            f"a {suffix} file holds one frame, not {len(frames)}",
            hint="write an .xlsx, or one file per frame",
        )
    (frame,) = frames.values()
    return _Job(lambda file: WRITERS[suffix](frame, policy, file, tally), len(frame))


def _book(
    frames: dict[str, pd.DataFrame], policy: Policy, links: bool | Mapping[str, str], tally: Tally
) -> _Job:
    laid = lay_out(frames, policy, links, tally)
    drawn = draw(laid.sheets)
    return _Job(
        lambda file: fill(drawn, laid, file, tally),
        sum(plan.rows for plan in laid.sheets),
        tuple(plan.name for plan in laid.sheets),
    )
