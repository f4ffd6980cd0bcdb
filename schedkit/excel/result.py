"""What `write` gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from schedkit.excel.tally import MEANINGS


@dataclass(frozen=True)
class Written:
    """A file that was written, and what had to be altered for it.

    Attributes
    ----------
    path : Path
        Where the file is; beside the wanted one if that was open in another program.
    rows : int
        Rows written, all sheets together.
    sheets : tuple of str
        The names of the sheets with rows, as the file has them.
    altered : dict
        Cells (or sheets, columns) by kind of alteration; empty if everything is as it was given.
    updated, added : int
        With ``mode="upsert"``: rows of the template that were updated, and rows put below them.
    timezone : str
        The zone that aware datetimes are shown in.
    bytes : int
        Size of the file.
    seconds : float
        Wall time of the call.
    """

    path: Path
    rows: int
    sheets: tuple[str, ...] = ()
    altered: dict[str, int] = field(default_factory=dict)
    timezone: str = ""
    bytes: int = 0
    seconds: float = 0.0
    updated: int = 0
    added: int = 0

    def __str__(self) -> str:
        told = f"{self.rows:,} rows in {self.path} ({self.bytes / 1e6:.1f} MB, {self.seconds:.1f} s)"
        return told + "".join(f"\n  {count:,} {MEANINGS[kind]}" for kind, count in self.altered.items())

    def facts(self) -> dict[str, Any]:
        """Return the same as JSON-able values, for the history of a run."""
        return asdict(self) | {"path": str(self.path), "sheets": list(self.sheets)}
