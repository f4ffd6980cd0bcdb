"""Whether issues and changes reach to the end of the period that figures are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from schedkit.flow.frames import naive
from schedkit.flow.issue_history import History

__all__ = ["stale_warning"]

# What an extraction may be older than the figures: they are often made some hours after it.
OLDER = pd.Timedelta(days=1)
# How long nothing may change before one suspects that the history is an old one.
QUIET = np.timedelta64(14, "D")


def stale_warning(history: History, end: pd.Timestamp) -> str:
    """Return what a reader must know where the data end before `end`; empty where they do not.

    The issues tell when they were extracted. Of those that do not, the latest change is looked at.
    """
    log = history.log
    if (read := _extracted(log.attrs[0])) is not None:
        if end - read <= OLDER:
            return ""
        return (
            f"the issues are as of {read:%Y-%m-%d %H:%M} UTC: "
            f"what happened in the {_days(end - read)} after that is in no figure"
        )
    latest = np.fmax.reduce(log.created, initial=log.newest)
    if np.isnat(latest) or naive(end) - latest <= QUIET:
        return ""
    quiet = pd.Timedelta(naive(end) - latest)
    return f"nothing has changed for {_days(quiet)}, since {str(latest)[:10]}: are these the present issues?"


def _extracted(attrs: Mapping[Any, Any]) -> pd.Timestamp | None:
    """Return the end of the extraction of a frame, None where it does not tell."""
    facts = attrs.get("extraction")
    window = facts.get("as_of") if isinstance(facts, Mapping) else None
    if not isinstance(window, list | tuple) or len(window) != 2:
        return None
    try:
        read = pd.Timestamp(window[1])
    except ValueError:
        return None
    return None if pd.isna(read) or read.tz is None else read.tz_convert("UTC")


def _days(length: pd.Timedelta) -> str:
    return "1 day" if length.days == 1 else f"{length.days} days"
