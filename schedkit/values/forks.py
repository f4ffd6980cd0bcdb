"""Hooks for forked children, which must not use the parent's threads, connections and locks."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from types import MethodType

__all__ = ["register_fork_hook"]

_Hook = Callable[[], object]

# What calls each hook, by its identity. A dict for its order and its safe removal: objects die in any thread.
_hooks: dict[object, _Hook] = {}


def register_fork_hook(hook: _Hook) -> None:
    """Have `hook()` called once in every forked child, in the order of registration.

    A bound method is called as long as its object lives; it does not keep it alive.
    """
    if not isinstance(hook, MethodType):
        _hooks.setdefault(hook, hook)
        return
    key, function = (id(hook.__self__), hook.__func__), hook.__func__

    # By default arguments: at exit a module's globals may be gone before the objects that it refers to.
    # (A `WeakMethod` writes an ignored AttributeError to standard error then.)
    def forget(_: object, key: object = key, hooks: dict[object, _Hook] = _hooks) -> None:
        hooks.pop(key, None)

    owner = weakref.ref(hook.__self__, forget)

    def call() -> None:
        living = owner()
        if living is not None:
            function(living)

    _hooks.setdefault(key, call)


def _in_the_child() -> None:
    for call in list(_hooks.values()):
        call()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
