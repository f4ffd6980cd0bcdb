"""What a forked child is told: its threads, connections and locks are not the parent's."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import MethodType
from typing import Any
from weakref import WeakMethod

__all__ = ["register_fork_hook"]

_Hook = Callable[[], object]

# A dict for its order and its safe removal: objects die in any thread.
_hooks: dict[_Hook | WeakMethod[Any], None] = {}


def register_fork_hook(hook: _Hook) -> None:
    """Have `hook()` called once in every forked child, in the order of registration.

    A bound method is called as long as its object lives; it does not keep it alive.
    """
    _hooks.setdefault(WeakMethod(hook, _forget) if isinstance(hook, MethodType) else hook)


def _forget(hook: WeakMethod[Any]) -> None:
    _hooks.pop(hook, None)


def _in_the_child() -> None:
    for registered in list(_hooks):
        hook = registered() if isinstance(registered, WeakMethod) else registered
        if hook is not None:
            hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
