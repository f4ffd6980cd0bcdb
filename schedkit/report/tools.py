"""What a report needs from the project around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol

from schedkit.core.triggers.base import Trigger
from schedkit.values.timezones import local_timezone

__all__ = ["ReportInfo", "Tools"]


class ReportInfo(Protocol):
    """The facts of the report that a destination uses."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def description(self) -> str:
        """What it is about, one line."""
        ...

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of its parameters."""
        ...

    @property
    def trigger(self) -> Trigger | None:
        """When it runs; None without a schedule."""
        ...


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
    last_rows : callable
        ``last_rows(name, values)`` returns how many rows the last good run of a report with these parameters
        had; None if there is none.
    written : dict
        Where the files of a run are, by where they were wanted: another name is taken when a program has the
        wanted file open.
    frames : mapping
        The frames of a run that have a name.
    """

    site: Callable[[str], Any]
    root: Path
    clock: Callable[[], datetime]
    tz: tzinfo = field(default_factory=local_timezone)
    last_rows: Callable[[str, Mapping[str, Any]], int | None] = lambda name, values: None
    written: dict[Path, Path] = field(default_factory=dict)
    frames: Mapping[str, Any] = field(default_factory=dict)

    def for_run(self) -> Tools:
        """Return the same for one run, whose moment is the same throughout: midnight changes no name."""
        moment = self.clock()
        return replace(self, clock=lambda: moment, written={})
