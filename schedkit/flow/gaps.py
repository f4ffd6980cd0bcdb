"""What is missing of histories: changes of status, and whole changelogs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from schedkit.flow.frames import naive
from schedkit.flow.log import Ints, Log, Moves
from schedkit.values.text import safe_repr

__all__ = ["missing_changes"]


def missing_changes(log: Log, end: pd.Timestamp | None) -> list[str]:
    """Return what a reader of figures must know of changes that are missing.

    Parameters
    ----------
    end : Timestamp, optional
        Where the figures are cut; now by default.
    """
    return [*_of_gaps(log, end), *_of_changelogs(log)]


def _of_gaps(log: Log, end: pd.Timestamp | None) -> list[str]:
    """Tell of changes that do not begin where the one before ended: one between is missing."""
    moves = log.moves(log.find("status"))
    places = _breaks(moves)
    if end is not None:
        places = places[moves.when[places] <= naive(end)]
    if not len(places):
        return []
    first = places[0]
    was, then = (_shown(moves, int(code)) for code in (moves.now[first - 1], moves.was[first]))
    key, day = log.issues["Key"].iloc[moves.issue[first]], str(moves.when[first])[:10]
    count = len(np.unique(moves.issue[places]))
    return [
        f"a change of status is missing in {count} issues (e.g. {key}, on {day} "
        f"from {then}, was last changed to {was}): until the next one they count where the last one led"
    ]


def _breaks(moves: Moves) -> Ints:
    """Return the places of changes that do not begin with what the one before ended with.

    A value is the same if its id or its text is: a status may have been renamed in between. A change that
    repeats the one before misses nothing.
    """
    place = np.flatnonzero((np.diff(moves.issue) == 0) & (np.diff(moves.source) == 0)) + 1
    repeats = (moves.was[place] == moves.was[place - 1]) & (moves.now[place] == moves.now[place - 1])
    place = place[~repeats]
    same = np.zeros(len(place), dtype=bool)
    for values in (moves.texts, moves.ids):
        codes = np.append(pd.factorize(pd.Series([*values, None], dtype=object))[0], -1)
        was, now = codes[moves.was[place]], codes[moves.now[place - 1]]
        same |= (was == now) & (was >= 0)
    return np.asarray(place[~same], dtype=np.int64)


def _shown(moves: Moves, code: int) -> str:
    return "none" if code < 0 else safe_repr(moves.texts[code] or moves.ids[code])


def _of_changelogs(log: Log) -> list[str]:
    """Tell of issues whose changes could not be read, or not all of them."""
    report: Any = log.attrs[1].get("extraction")
    missing = report.get("missing") if isinstance(report, Mapping) else None
    if not isinstance(missing, Mapping):
        return []
    keys = set(log.issues["Key"].astype("str"))
    unread = [f"{key}: {why}" for key, why in missing.items() if key in keys]
    if not unread:
        return []
    return [
        f"the changes of {len(unread)} issues are not whole (e.g. {unread[0]}): "
        "what these were before is not known"
    ]
