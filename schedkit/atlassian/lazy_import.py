"""atlassian-python-api without its products.

Importing a part of it runs the package's ``__init__``, which imports the clients of fourteen products: 10 MB,
and most of a second on a cold disk. Only its session and logins are needed. That part is loaded while an
unexecuted package stands in `sys.modules`, and both are removed afterwards: a later import of the library is
not affected.
"""

from __future__ import annotations

import importlib
import sys
import threading
from importlib import util
from types import ModuleType
from typing import Any

__all__ = ["rest_api"]

_NAME = "atlassian"
_turn = threading.Lock()
_loaded: Any = None


def rest_api() -> Any:
    """Return `AtlassianRestAPI`, the base of the library's clients."""
    global _loaded
    with _turn:
        if _loaded is None:
            _loaded = _load()
        return _loaded


def _load() -> Any:
    part = f"{_NAME}.rest_client"
    if _NAME in sys.modules:
        return importlib.import_module(part).AtlassianRestAPI
    sys.modules[_NAME] = _unrun()
    try:
        return importlib.import_module(part).AtlassianRestAPI
    finally:
        for name in list(sys.modules):
            if name == _NAME or name.startswith(f"{_NAME}."):
                del sys.modules[name]


def _unrun() -> ModuleType:
    """Return the package as it is before it runs; it does so for another thread that meets it meanwhile."""
    spec = util.find_spec(_NAME)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {_NAME!r}", name=_NAME)
    package, loader = util.module_from_spec(spec), spec.loader

    def look_up(name: str) -> Any:
        vars(package).pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = look_up
    return package
