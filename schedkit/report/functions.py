"""Functions that a report names as ``module:function``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from schedkit.errors import UsageError
from schedkit.values.text import one_line, safe_repr

__all__ = ["resolve"]


def resolve(target: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names.

    Raises
    ------
    UsageError
        The module or function does not exist.
    """
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # the module's own code may raise anything while it is imported
        raise UsageError(
            f"cannot find {safe_repr(target)}: {type(error).__name__}: {one_line(str(error))}",
            hint="write `module:function`",
        ) from None
    if not callable(found):
        raise UsageError(f"{target!r} is not a function", hint="write `module:function`")
    return found  # type: ignore[no-any-return]  # an attribute of a module, and callable
