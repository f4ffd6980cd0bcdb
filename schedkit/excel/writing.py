"""`write`: frames into a file, by its suffix."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.atomic import replace_whole
from schedkit.excel.frames.flat import WRITERS
from schedkit.excel.jobs import Frames, Look, drawn_job, flat_job, template_job
from schedkit.excel.model import Infinite, Policy
from schedkit.excel.result import Written
from schedkit.excel.tally import Tally
from schedkit.excel.template.template import Mode, Order, check_key
from schedkit.excel.zones import zone_of


def write(
    data: pd.DataFrame | Mapping[str, pd.DataFrame],
    path: str | Path,
    *,
    sheet: str | None = None,
    template: str | Path | None = None,
    mode: Mode = "replace",
    key: str | Sequence[str] | None = None,
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
        The sheet's name for a single frame; by default the file's name. With a template, which table, named
        range, sheet or cell (``Data!B4``) to fill; by default the one whose headers fit. The names of a
        mapping mean the same.
    template : str or Path, optional
        An analyst's workbook (``.xlsx`` or ``.xlsm``) to fill. Columns are matched by header; the formats
        and formulas of the first body row are carried down; the table, names, charts and pivots grow to the
        new rows; every other part stays byte for byte.
    mode : {"replace", "append", "upsert"}
        What becomes of rows already there: replaced, kept above the new ones, or updated by `key`, where
        columns the frame does not have keep what people typed, and rows it does not have stay. The last
        two continue the workbook at `path` if there is one.
    key : str or sequence of str, optional
        The columns that tell rows apart, for "upsert".
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
    if suffix not in {".xlsx", ".xlsm", *WRITERS}:
        raise WorkbookError(
            f"{path.name!r} does not tell what to write", hint="let it end in .xlsx, .csv or .parquet"
        )
    zone, zone_name = zone_of(tz)
    policy = Policy(zone, zone_name, inf)
    tally = Tally()
    source = _source(path, suffix, template, mode, key)
    keys = (key,) if isinstance(key, str) else tuple(key or ())
    if suffix in WRITERS:
        job = flat_job(_frames(data, None), suffix, policy, tally)
    elif source is not None:
        if summary or totals:
            raise WorkbookError(
                "a template brings its own summary and totals",
                hint="draw them in the template, or leave it out",
            )
        order = Order(policy, mode, keys, links)
        job = template_job(_frames(data, sheet), source, suffix, order, tally)
    else:
        look = Look(title or path.stem, links, totals, summary, history)
        frames = {str(name or path.stem): frame for name, frame in _frames(data, sheet).items()}
        for frame in frames.values():
            check_key(frame, keys)
        job = drawn_job(frames, look, policy, tally)
    where = replace_whole(path, job.fill)
    written = Written(
        path=where,
        rows=job.rows,
        sheets=job.sheets,
        altered=tally.as_dict(),
        timezone=zone_name,
        bytes=where.stat().st_size,
        seconds=time.perf_counter() - started,
        updated=job.updated,
        added=job.added,
    )
    context.artifact(where)
    context.fact("workbook", written.facts())
    return written


def _frames(data: pd.DataFrame | Mapping[str, pd.DataFrame], sheet: str | None) -> Frames:
    if isinstance(data, pd.DataFrame):
        return {sheet: data}
    strangers = list(data.values()) if isinstance(data, Mapping) else [data]
    for other in strangers:
        if not isinstance(other, pd.DataFrame):
            raise WorkbookError(
                f"a {type(other).__name__} is no frame to write", hint="give a DataFrame, or several by sheet"
            )
    if not data:
        raise WorkbookError("there is no frame to write", hint="a mapping needs at least one sheet")
    return {str(name): frame for name, frame in data.items()}


def _source(
    path: Path, suffix: str, template: str | Path | None, mode: Mode, key: str | Sequence[str] | None
) -> Path | None:
    """Return the workbook whose parts are kept, None if a new one is drawn."""
    if mode not in ("replace", "append", "upsert"):
        raise WorkbookError(f"no mode is called {mode!r}", hint='there are "replace", "append" and "upsert"')
    if (mode == "upsert") != bool(key):
        raise WorkbookError('key= and mode="upsert" need each other', hint='e.g. mode="upsert", key="Key"')
    if suffix in WRITERS:
        if template is not None or mode != "replace":
            raise WorkbookError(f"a {suffix} file has no template to fill", hint="write an .xlsx")
        return None
    if mode != "replace" and path.exists():
        return path
    if template is None and suffix == ".xlsm":
        raise WorkbookError("only a template brings macros", hint="name a template, or write an .xlsx")
    return None if template is None else Path(template)
