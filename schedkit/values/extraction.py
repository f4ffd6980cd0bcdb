"""What a frame tells of its extraction: whether something is missing in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schedkit.values.text import clip, one_line

__all__ = ["incomplete"]


def incomplete(attrs: Mapping[Any, Any]) -> str:
    """Return what the extraction of a frame lacks, by the frame's attributes; empty if nothing.

    Examples
    --------
    >>> incomplete({"extraction": {"complete": False, "missing_sites": {"ops": "got no answer"}}})
    'site ops is missing from the extraction (got no answer)'
    """
    report = attrs.get("extraction")
    if not isinstance(report, Mapping):
        return ""
    sites, issues = report.get("missing_sites"), report.get("missing")
    parts = [
        f"site {name} is missing from the extraction ({one_line(str(why))})"
        for name, why in (sites.items() if isinstance(sites, Mapping) else ())
    ]
    if isinstance(issues, Mapping) and issues:
        some = ", ".join(f"{name}: {one_line(str(why))}" for name, why in list(issues.items())[:3])
        parts.append(f"{len(issues)} issues are missing from the extraction, e.g. {some}")
    if not parts and report.get("complete") is False:
        parts.append("the extraction says that it is not complete")
    return clip("; ".join(parts), 1000)
