"""What a report needs from the project around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["Tools"]


@dataclass(frozen=True)
class Tools:
    """What a report needs from around it.

    Parameters
    ----------
    site : callable
        Returns the client of a configured site by its name.
    root : Path
        The folder that relative paths start from.
    clock : callable
        Returns the present moment, timezone-aware; dates in file names come from it.
    written : dict
        Where the files of a run are, by where they were wanted: another name is taken when somebody has the
        wanted file open.
    """

    site: Callable[[str], Any]
    root: Path
    clock: Callable[[], datetime]
    written: dict[Path, Path] = field(default_factory=dict)

    def for_run(self) -> Tools:
        """Return the same for one run, whose moment is the same throughout: midnight changes no name."""
        moment = self.clock()
        return replace(self, clock=lambda: moment, written={})
