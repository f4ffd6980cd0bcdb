"""What a forked child is told: its threads, connections and locks are not the parent's."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from types import MethodType

__all__ = ["register_fork_hook"]

_hooks: list[Callable[[], Callable[[], object] | None]] = []


def register_fork_hook(hook: Callable[[], object]) -> None:
    """Have `hook()` called in every forked child, in the order of registration.

    A bound method is called as long as its object lives; it does not keep it alive.
    """
    _hooks.append(weakref.WeakMethod(hook) if isinstance(hook, MethodType) else lambda: hook)


def _in_the_child() -> None:
    for reference in list(_hooks):
        hook = reference()
        if hook is None:
            _hooks.remove(reference)
        else:
            hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
