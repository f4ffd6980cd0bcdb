"""What belongs to a process and is told in its forked children that they are others."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["belongs_here"]


class Local(Protocol):
    """An object that is bound to threads or connections of its process."""

    def forked(self) -> None: ...


_here: weakref.WeakSet[Local] = weakref.WeakSet()


def belongs_here(thing: Local) -> None:
    """Have ``thing.forked()`` called in every forked child."""
    _here.add(thing)


def _in_the_child() -> None:
    for thing in list(_here):
        thing.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
