"""How our objects show themselves in a notebook, without the core knowing any widget.

A door provides the faces; until one does, objects fall back to their ``repr``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from schedkit.errors import UsageError
from schedkit.loop import live

__all__ = ["Faces", "display", "panel", "provide"]


class Faces(Protocol):
    """What a door provides."""

    def display(self, thing: Any) -> None:
        """Show `thing` in the present cell."""
        ...

    def panel(self, thing: Any, kind: str) -> Any:
        """Return a widget that shows `thing`; `kind` names the part to open with."""
        ...


class _Provider:
    load: Callable[[], Faces] | None = None


def _provider() -> _Provider:
    return live("faces", _Provider)


def provide(load: Callable[[], Faces] | None) -> None:
    """Let ``load()`` return the faces at their first use; None: no faces."""
    _provider().load = load


def display(thing: Any) -> None:
    """Show `thing` in the present cell; IPython's ``_ipython_display_``.

    Raises
    ------
    NotImplementedError
        If nobody provides faces; IPython then shows the ``repr``.
    """
    load = _provider().load
    if load is None:
        raise NotImplementedError
    load().display(thing)


def panel(thing: Any, kind: str = "tasks") -> Any:
    """Return a widget that shows `thing`.

    Raises
    ------
    UsageError
        If nobody provides faces.
    """
    load = _provider().load
    if load is None:
        raise UsageError(
            "no panel here", hint="import schedkit in a notebook: pip install 'schedkit[notebook]'"
        )
    return load().panel(thing, kind)
