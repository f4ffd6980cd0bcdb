"""The values of one field in time: one step for each issue's birth and one for each change.

No history holds the value at creation: it is what the field's first change left, and where it never
changed the present value. All moves are read for that before any are cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.flow.elements import replayed
from schedkit.flow.frames import Instants, naive
from schedkit.flow.log import Ints, Log, Moves

__all__ = ["Objects", "Steps", "steps_of"]

_NEVER = np.datetime64("NaT", "us")
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The values of a field, issue by issue, in order of time.

    Parameters
    ----------
    issue : array of int
        Row of the issue in `Log.issues`.
    entered, left : array of datetime64
        From when to when; NaT where the birth is unknown, and where the value is held to this day.
    code : array of int
        The value, as a place in `texts` and `ids`; -1 for none.
    texts, ids : list
        The different values: texts and ids, or tuples of them.
    empty : tuple
        What means none in either.
    """

    issue: Ints
    entered: Instants
    left: Instants
    code: Ints
    texts: list[Any]
    ids: list[Any]
    empty: tuple[Any, Any] = (None, None)

    def until(self, end: pd.Timestamp) -> Steps:
        """Return what had begun at an instant, as it was then."""
        at = naive(end)
        begun = np.isnat(self.entered) | (self.entered <= at)
        left = np.where(self.left > at, _NEVER, self.left)[begun]
        return replace(
            self, issue=self.issue[begun], entered=self.entered[begun], left=left, code=self.code[begun]
        )

    @property
    def moved(self) -> npt.NDArray[np.bool_]:
        """Whether each issue has a step besides its birth."""
        return np.asarray(np.bincount(self.issue) > 1, dtype=bool)

    @property
    def last(self) -> Ints:
        """The place of the last step of each issue that has any."""
        return np.flatnonzero(np.diff(self.issue, append=-1))

    def shown_texts(self) -> Objects:
        """Return the text of each step's value; its id where a history has no text."""
        pairs = zip(self.texts, self.ids, strict=True)
        return shown(self.code, [id if text is None else text for text, id in pairs], self.empty[0])

    def shown_ids(self) -> Objects:
        """Return the id of each step's value."""
        return shown(self.code, self.ids, self.empty[1])


def shown(codes: Ints, values: list[Any], empty: Any = None) -> Objects:
    """Return the value of each code; `empty` for -1."""
    table = np.empty(len(values) + 1, dtype=object)
    for place, value in enumerate([*values, empty]):
        table[place] = value
    return np.asarray(table[codes], dtype=object)


def steps_of(log: Log, field: str) -> Steps:
    """Return the values of a field in time."""
    rows = log.find(field)
    moves = log.moves(rows)
    if rows.kind == "elements":
        return _of_elements(log, moves, rows.label)
    counts = np.bincount(moves.issue, minlength=len(log.issues))
    births = np.arange(len(log.issues)) + np.cumsum(counts) - counts
    places = np.arange(len(moves.issue)) + moves.issue + 1
    code = _merged(moves, births, places, len(rows.rows))
    code[births[counts == 0]] = moves.present[counts == 0]
    issue = np.repeat(np.arange(len(log.issues)), counts + 1)
    steps = _timed(log, issue, births, places, moves.when, code, moves.texts, moves.ids)
    if rows.kind == "sprint":
        ids = [tuple(part for part in (id or "").split(", ") if part) for id in moves.ids]
        return replace(steps, ids=ids, empty=(None, ()))
    if rows.kind == "labels":
        return replace(steps, texts=[tuple((text or "").split()) for text in moves.texts], empty=((), None))
    return steps


def _merged(moves: Moves, births: Ints, places: Ints, count: int) -> Ints:
    """Return the value at each step: of the first of the merged fields that has one."""
    code = np.full(len(births) + len(places), -1, dtype=np.int64)
    for source in range(count):
        mine = moves.source == source
        issue = moves.issue[mine]
        # A field that never changed while another one did is taken to be empty.
        held = np.full(len(code), -2, dtype=np.int64)
        held[births] = -1
        first = np.diff(issue, prepend=-1) != 0
        held[births[issue[first]]] = moves.was[mine][first]
        held[places[mine]] = moves.now[mine]
        held = held[np.maximum.accumulate(np.where(held > -2, np.arange(len(held)), 0))]
        code = np.where(code >= 0, code, held)
    return code


def _timed(
    log: Log, issue: Ints, births: Ints, places: Ints, when: Instants, code: Ints, texts: Any, ids: Any
) -> Steps:
    entered = np.empty(len(issue), dtype="datetime64[us]")
    entered[births] = log.created
    # An imported issue may have a history that is older than itself.
    entered[places] = np.fmax(when, log.created[issue[places]])
    left = np.full(len(issue), _NEVER)
    left[:-1] = entered[1:]
    left[np.flatnonzero(np.diff(issue, append=-1))] = _NEVER
    return Steps(issue, entered, left, code, texts, ids)


def _of_elements(log: Log, moves: Moves, label: str) -> Steps:
    """Return the values of a field whose changes tell one element each: versions, components, links."""
    present = shown(moves.present, moves.texts)
    cells = log.issues[label] if label in log.issues else pd.Series([()] * len(log.issues), dtype=object)
    bounds = np.searchsorted(moves.issue, np.arange(len(log.issues) + 1))
    issue, when, values = list[int](), list[Any](), list[tuple[tuple[str, ...], tuple[str | None, ...]]]()
    for number, cell in enumerate(cells):
        now = cell if isinstance(cell, tuple | list | np.ndarray) else (present[number],)
        own = range(bounds[number], bounds[number + 1])
        for at, held in replayed(moves, own, [str(name) for name in now if name is not None]):
            issue.append(number)
            when.append(at)
            values.append((tuple(held.values()), tuple(held)))
    numbers = np.array(issue, dtype=np.int64)
    births = np.flatnonzero(np.diff(numbers, prepend=-1))
    places = np.setdiff1d(np.arange(len(numbers)), births)
    codes, different = pd.factorize(pd.Series(values, dtype=object))
    moments = np.array(when, dtype="datetime64[us]")[places]
    texts, ids = [value[0] for value in different], [value[1] for value in different]
    steps = _timed(log, numbers, births, places, moments, codes.astype(np.int64), texts, ids)
    return replace(steps, empty=((), ()))
