"""Values of fields whose changes name one element added or removed: versions, components, links."""

from __future__ import annotations

from typing import Any

import numpy as np

from schedkit.flow.log import Moves

__all__ = ["replayed"]

# What one change did: id and text of an element, and whether it was added.
Step = list[tuple[Any, str, bool]]


def replayed(moves: Moves, own: range, now: list[str]) -> list[tuple[Any, dict[Any, str]]]:
    """Return what an issue held, as texts by id, and from when on; first at its birth, which bears no time.

    Parameters
    ----------
    moves : Moves
        The changes of the field.
    own : range
        Which of them are the issue's.
    now : list of str
        What it holds at present.
    """
    changes = [(moves.when[place], _step(moves, place)) for place in own]
    born = _born(changes, now)
    held, found = dict(born), [(np.datetime64("NaT", "us"), dict(born))]
    for at, step in changes:
        _apply(held, step)
        if found[-1][0] == at:
            found.pop()
        found.append((at, dict(held)))
    return found


def _step(moves: Moves, place: int) -> Step:
    step = []
    for code, added in ((moves.was[place], False), (moves.now[place], True)):
        if code >= 0:
            text = moves.texts[code] or str(moves.ids[code])
            step.append((moves.ids[code] or text, text, added))
    return step


def _born(changes: list[tuple[Any, Step]], now: list[str]) -> dict[Any, str]:
    """Return what an issue held at its birth: what was removed before it was added, or never changed."""
    named: set[Any] = set()
    born: dict[Any, str] = {}
    for _, step in changes:
        for id, text, added in step:
            if id not in named and not added:
                born[id] = text
            named.add(id)
    end = dict(born)
    for _, step in changes:
        _apply(end, step)
    unnamed = [name for name in now if name not in end.values()]
    # An element that was renamed since is in the history under its former name.
    renamed = [name for name in end.values() if name not in now]
    return {name: name for name in unnamed[len(renamed) :]} | born


def _apply(held: dict[Any, str], step: Step) -> None:
    for id, text, added in step:
        if added:
            held[id] = text
        else:
            held.pop(id, None)
