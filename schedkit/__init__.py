"""schedkit: Jira data as DataFrames, Excel workbooks and Confluence tables, on time and watched."""

from __future__ import annotations

import importlib
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
