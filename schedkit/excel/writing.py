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
from schedkit.excel.decorate import provenance
from schedkit.excel.fill import fill
from schedkit.excel.flat import WRITERS
from schedkit.excel.model import Infinite, Policy
from schedkit.excel.overview import overview
from schedkit.excel.plan import lay_out
from schedkit.excel.result import Written
from schedkit.excel.skeleton import Front, draw
from schedkit.excel.tally import Tally
from schedkit.excel.zones import zone_of


def write(
    data: pd.DataFrame | Mapping[str, pd.DataFrame],
    path: str | Path,
    *,
    sheet: str | None = None,
    title: str | None = None,
    links: bool | Mapping[str, str] = True,
    totals: bool | Mapping[str, str] = False,
    summary: bool = False,
    history: pd.DataFrame | None = None,
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
    title : str, optional
        What the workbook is about, for its Summary, Index and properties; by default the file's name.
    links : bool or mapping of column to address
        True links issue keys (where ``df.attrs["site"]`` tells the site) and addresses. A mapping adds
        columns of your own, ``{"Build": "https://ci.example.org/{}"}``. False links nothing.
    totals : bool or mapping of column to function
        A totals row whose formulas follow the table's filter: True sums every column of amounts, a mapping
        names "sum", "average", "count", "max" or "min" for columns of your choice.
    summary : bool
        Put a Summary sheet first: figures, counts and charts of the first frame.
    history : DataFrame, optional
        Status changes for the summary's cumulative flow: columns ``Key``, ``At`` (aware datetime) and
        ``Status Category``. Without it the flow tells open from done only.
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
    if suffix in WRITERS:
        job = _flat(frames, suffix, policy, tally)
    else:
        job = _book(
            frames,
            policy,
            tally,
            links=links,
            totals=totals,
            summary=summary,
            history=history,
            title=title or path.stem,
        )
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
    frames: dict[str, pd.DataFrame],
    policy: Policy,
    tally: Tally,
    *,
    links: bool | Mapping[str, str],
    totals: bool | Mapping[str, str],
    summary: bool,
    history: pd.DataFrame | None,
    title: str,
) -> _Job:
    first = next(iter(frames.values()), pd.DataFrame())
    front = Front(
        title=title,
        told=provenance(first.attrs, policy),
        overview=overview(first, policy, history) if summary else None,
        index=len(frames) > 1,
    )
    taken = [
        name for name, shown in ((front.summary_name, summary), (front.index_name, front.index)) if shown
    ]
    laid = lay_out(frames, policy, tally, links=links, totals=totals, taken=taken)
    drawn = draw(laid.sheets, front, policy)
    return _Job(
        lambda file: fill(drawn, laid, file, tally),
        sum(plan.rows for plan in laid.sheets),
        tuple(plan.name for plan in laid.sheets),
    )
