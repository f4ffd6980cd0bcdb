"""schedkit: Jira data as DataFrames, Excel workbooks and Confluence tables, on time and watched."""

from __future__ import annotations

import importlib
import sys
from contextlib import AbstractContextManager
from typing import Any

__version__ = "0.1.0"

# Imported at first use: `import schedkit` loads neither pandas nor ipywidgets nor SQLAlchemy.
_EXPORTS = {
    "excel": "schedkit.excel",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    target = _EXPORTS.get(name)
    if target is None:
        raise AttributeError(f"module 'schedkit' has no attribute {name!r}")
    module, _, attribute = target.partition(":")
    value = importlib.import_module(module)
    return getattr(value, attribute) if attribute else value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Let ``%load_ext schedkit`` bring ``%%task`` and ``%schedkit``."""
    importlib.import_module("schedkit.magics").load(shell)


def _cell_bar() -> AbstractContextManager[Any]:
    bar: AbstractContextManager[Any] = importlib.import_module("schedkit.widgets.bar").cell_bar()
    return bar


if "ipykernel" in sys.modules:
    # In a notebook a blocking call shows a bar; the bar's own imports wait for the first such call.
    importlib.import_module("schedkit.context").set_default(_cell_bar)
