"""Carry a report out: extract → shape → check → deliver, reporting each stage to the listener."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedkit import context
from schedkit.errors import IncompleteError
from schedkit.report.check import check
from schedkit.report.definition import Report
from schedkit.report.deliver import Deliver
from schedkit.report.destination import file_of
from schedkit.report.extract import extract_all
from schedkit.report.frames import Frames, with_incompleteness
from schedkit.report.shape import shape_frames
from schedkit.report.tools import Tools
from schedkit.values.extraction import incomplete
from schedkit.values.keywords import check_keywords

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run_report"]


@check_keywords
def run_report(report: Report, tools: Tools, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Run every stage and return the frame that was delivered.

    Parameters
    ----------
    report : Report
        What to do.
    tools : Tools
        The project around it.
    params : mapping, optional
        Values of the report's parameters; the others have their defaults.

    Raises
    ------
    IncompleteError
        A site or an issue is missing, and the report does not say ``partial: allow``; nothing was delivered.
    CheckError
        A check does not hold; nothing was delivered.
    ParameterError
        A parameter is missing or does not fit.
    UsageError, SiteError, WorkbookError, RegionError
        As the stages raise them; what was delivered before stays. Another attempt of the same run continues
        after it, another run replaces it.
    """
    started = time.monotonic()
    task, report = report.name, report.bound(params or {})
    tools = tools.for_run()
    # What a deliverer of another package refuses is found before the first request is sent.
    for item in report.deliver:
        _ = item.deliverer
    frames = extract_all(report.extract, tools, together=report.together)
    why = _missing(report, frames)
    frames = _shaped(report, frames)
    _checked(report, task, frames, tools)
    unconfirmed = _delivered(report, frames, tools)
    if unconfirmed:
        context.fact("incomplete", {"reason": "; ".join(filter(None, [why, *unconfirmed]))})
    facts: dict[str, Any] = {"rows": len(frames.current), "seconds": round(time.monotonic() - started, 3)}
    if report.values:
        facts["params"] = dict(report.values)
    context.fact("report", facts)
    return frames.current


def _missing(report: Report, frames: Frames) -> str:
    """Return what the extractions lack; raise if the report does not allow it."""
    lacking = {name: why for name, frame in frames.named.items() if (why := incomplete(frame.attrs))}
    if not lacking:
        return ""
    # Extractions often lack the same site.
    why = "; ".join(dict.fromkeys(lacking.values()))
    if any(report.extract[name].partial == "refuse" for name in lacking):
        raise IncompleteError(
            f"the report {report.name!r} was not delivered: {why}",
            hint="run it again, or allow it: extract: {partial: allow}",
        )
    context.log(why, logging.WARNING)
    context.fact("incomplete", {"reason": why})
    return why


def _shaped(report: Report, frames: Frames) -> Frames:
    extracted = list(frames.named.values())
    for number, step in enumerate(report.shape, 1):
        frames = shape_frames(frames, step)
        context.progress("shape", number, len(report.shape))
        context.checkpoint()
    # Rows of several extractions may be in each frame: what one lacks, all may lack.
    for frame in (frames.current, *frames.named.values()):
        with_incompleteness(frame, extracted)
    return frames


def _checked(report: Report, task: str, frames: Frames, tools: Tools) -> None:
    previous = None
    if any(rule.chosen == "max_drop" for rule in report.check):
        previous = tools.last_rows(task, report.values)
    for number, rule in enumerate(report.check, 1):
        check(frames.get(rule.frame, "check.frame"), rule, previous)
        context.progress("check", number, len(report.check))


def _delivered(report: Report, frames: Frames, tools: Tools) -> list[str]:
    """Look at every destination, then write to each; return what could not be confirmed."""
    tools = replace(tools, frames=frames.named)
    # Pages may attach the files, which have to be written before.
    items = sorted(report.deliver, key=lambda item: not getattr(item.deliverer, "is_file", False))
    earlier = context.current().deliveries()
    todo: list[_Delivery] = []
    for number, item in enumerate(items):
        step = _step(number, item)
        if step in earlier:
            _note_earlier(item, earlier[step], report, tools)
            continue
        frame = frames.get(item.frame, f"deliver.{item.to}: frame")
        todo.append(_Delivery(step, item, item.deliverer(frame, report, tools)))
    unconfirmed: list[str] = []
    for delivery in todo:
        context.checkpoint()
        missing = _unconfirmed(delivery.apply())
        unconfirmed += missing
        if not missing:  # else another attempt tries it again
            file = _file(delivery.item, report, tools)
            written = "" if file is None else str(tools.written.get(file, ""))
            context.current().delivered(delivery.step, written)
    return unconfirmed


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A destination that was looked at: what delivers to it, and by what the run knows it again."""

    step: str
    item: Deliver
    apply: Callable[[], object]


def _step(number: int, item: Deliver) -> str:
    """Return a name of a delivery that is another one if its place or an option is."""
    options = json.dumps(item.options, default=str, sort_keys=True)
    return f"{number} {item.to} {hashlib.sha256(options.encode()).hexdigest()[:16]}"


def _file(item: Deliver, report: Report, tools: Tools) -> Path | None:
    """Return the file that a destination is to write; None: it is no file."""
    path = item.options.get("path") if getattr(item.deliverer, "is_file", False) else None
    return file_of(path, report, tools) if isinstance(path, str) else None


def _note_earlier(item: Deliver, written: str, report: Report, tools: Tools) -> None:
    """Take over what an earlier attempt of this run has delivered."""
    context.log(f"{item.to}: delivered by an earlier attempt of this run")
    file = _file(item, report, tools)
    if file is not None and written:
        tools.written[file] = Path(written)
        context.artifact(Path(written))


def _unconfirmed(delivered: object) -> list[str]:
    """Return which pages a destination could not read back."""
    made: list[Any] = delivered if isinstance(delivered, list) else [delivered]
    return [
        f"page {each.title!r} is not confirmed: {each.unconfirmed}"
        for each in made
        if getattr(each, "unconfirmed", "")
    ]
