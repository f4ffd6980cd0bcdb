"""What a report needs from the project around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from schedkit.values.timezones import local_timezone, parse_timezone

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
    tz : tzinfo
        The zone in which workbooks and pages show moments, unless a destination names its own.
    written : dict
        Where the files of a run are, by where they were wanted: another name is taken when somebody has the
        wanted file open.
    """

    site: Callable[[str], Any]
    root: Path
    clock: Callable[[], datetime]
    tz: tzinfo = field(default_factory=local_timezone)
    written: dict[Path, Path] = field(default_factory=dict)

    def shows_zone(self, tz: str | None, chosen: bool | None) -> bool:
        """Tell whether a page names the zone of its moments: by default where it is not the project's."""
        return chosen if chosen is not None else tz is not None and parse_timezone(tz) != self.tz

    def for_run(self) -> Tools:
        """Return the same for one run, whose moment is the same throughout: midnight changes no name."""
        moment = self.clock()
        return replace(self, clock=lambda: moment, written={})
