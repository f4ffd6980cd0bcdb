"""What the process of a command is called where processes are listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["process_name"]


def process_name(command: str, files: Sequence[Path]) -> str:
    """Return a name that tells which of several commands a process is.

    Examples
    --------
    >>> process_name("run", [Path("reports/weekly.yaml"), Path("tasks.py")])
    'schedkit run weekly.yaml and 1 more'
    """
    others = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return " ".join(["schedkit", command, *(path.name for path in files[:1])]) + others
