"""The IPython shell of this process, if there is one, without importing IPython."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["in_kernel", "running_shell"]


def running_shell() -> Any:
    """Return the running shell, None without one."""
    ipython: Any = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def in_kernel() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return getattr(running_shell(), "kernel", None) is not None
