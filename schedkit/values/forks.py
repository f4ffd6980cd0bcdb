"""Hooks for forked children, which must not use the parent's threads, connections and locks."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from types import MethodType

__all__ = ["register_fork_hook", "undivided"]

# Seconds that a fork waits at most for what must not be divided by it.
PATIENCE = 2.0

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


_gate = threading.Condition()
_inside = 0  # how many threads are in what must not be divided


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """Let no other thread fork meanwhile: the child would have what is here half done, e.g. a lock held.

    A library in C, as SQLite, keeps its locks in memory: a child that is forked while a thread is in a
    transaction finds them taken for ever.
    """
    global _inside
    with _gate:
        _inside += 1
    try:
        yield
    finally:
        with _gate:
            _inside -= 1
            if not _inside:
                _gate.notify_all()


def _before() -> None:
    _gate.acquire()
    _gate.wait_for(lambda: not _inside, PATIENCE)


def _in_the_parent() -> None:
    _gate.release()


def _in_the_child() -> None:
    global _gate, _inside
    _gate, _inside = threading.Condition(), 0
    for call in list(_hooks.values()):
        call()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_the_parent, after_in_child=_in_the_child)
