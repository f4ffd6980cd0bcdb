"""Options of columns, which are named by header, by label, or by group of columns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Column
from schedkit.excel.frames.labels import with_index
from schedkit.excel.names import headers
from schedkit.excel.new_workbook.column_formats import ColumnFormat
from schedkit.excel.outline import LEVEL, Outline
from schedkit.values.scalars import flag_of
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["ColumnOptions"]

_Wanted = TypeVar("_Wanted")


@dataclass(frozen=True)
class ColumnOptions:
    """Links, totals, formats and the outline of some frames; an option may be about one of them only.

    `outline` is the label of the column of levels, True for the usual one; `collapse` the last level whose
    rows are shown.
    """

    links: bool | Mapping[Any, str] = True
    totals: bool | Mapping[Any, str] = False
    formats: Mapping[Any, ColumnFormat] = field(default_factory=dict)
    outline: bool | Hashable = False
    collapse: int | None = None
    frames: Sequence[pd.DataFrame] = ()

    def __post_init__(self) -> None:
        for name in ("links", "totals", "outline"):
            flag = flag_of(getattr(self, name))
            if flag is not None:  # NumPy's too
                object.__setattr__(self, name, flag)
        for name, value, example in (
            ("links", self.links, '{"Build": "https://ci.example.org/{}"}'),
            ("totals", self.totals, '{"Story Points": "sum"}'),
            ("formats", self.formats, '{"Share": "0.0%"}'),
        ):
            if not isinstance(value, Mapping | bool) or (name == "formats" and isinstance(value, bool)):
                raise WorkbookError(
                    f"{name}={safe_repr(value)} is not a mapping of columns", hint=f"e.g. {name}={example}"
                )
        if not isinstance(self.outline, Hashable):
            raise WorkbookError(
                f"outline={safe_repr(self.outline)} is not a column", hint="e.g. outline=True"
            )

    def links_of(self, frame: pd.DataFrame, columns: Sequence[Column]) -> bool | dict[str, str]:
        """Return the links of one frame, by header; so do the other methods."""
        return self.links if isinstance(self.links, bool) else self._own(self.links, frame, columns)

    def totals_of(self, frame: pd.DataFrame, columns: Sequence[Column]) -> bool | dict[str, str]:
        return self.totals if isinstance(self.totals, bool) else self._own(self.totals, frame, columns)

    def formats_of(self, frame: pd.DataFrame, columns: Sequence[Column]) -> dict[str, ColumnFormat]:
        return self._own(self.formats, frame, columns)

    def outline_of(self, frame: pd.DataFrame, columns: Sequence[Column]) -> Outline | None:
        """Return how the rows of one frame are grouped; None if they are not.

        Raises
        ------
        WorkbookError
            If no frame has the column, or it does not hold levels.
        """
        if self.outline is False:
            if self.collapse is not None:
                raise WorkbookError("collapse needs an outline", hint="e.g. outline=True, collapse=1")
            return None
        if self.collapse is not None and (isinstance(self.collapse, bool) or not self.collapse >= 0):
            raise WorkbookError(
                f"collapse={safe_repr(self.collapse)} is not a level", hint="give 0, 1, 2, ..."
            )
        wanted = LEVEL if self.outline is True else self.outline
        known = [column.header for column in columns]
        (header, *_) = [*self._own({wanted: ""}, frame, columns), ""]
        if not header:
            return None
        if header not in known:
            raise WorkbookError(f"no column {header!r} to group rows by", hint=did_you_mean(header, known))
        place = known.index(header)
        return Outline.of(frame.iloc[:, place], place + 1, header, self.collapse)

    def _own(
        self,
        given: Mapping[Any, _Wanted],
        frame: pd.DataFrame,
        columns: Sequence[Column],
    ) -> dict[str, _Wanted]:
        """Return the options of the columns of one frame, by header.

        Names that no frame has are kept, so that an error is raised for them.
        """
        known = [column.header for column in columns]
        found: dict[str, _Wanted] = {}
        # A column's own option comes before that of its group.
        for key, wanted in sorted(given.items(), key=lambda item: item[0] in known):
            meant = _meant(key, frame.columns, known)
            if not meant and not any(_has(other, key) for other in self.frames):
                meant = [str(key)]
            found |= dict.fromkeys(meant, wanted)
        return found


def _meant(key: Hashable, labels: pd.Index, known: Sequence[str]) -> list[str]:
    """Return the headers of the columns that a header, a label or the beginning of a label means."""
    if isinstance(key, str) and key in known:
        return [key]
    start = key if isinstance(key, tuple) else (key,)
    levels = [label if isinstance(label, tuple) else (label,) for label in labels]
    return [header for header, each in zip(known, levels, strict=True) if each[: len(start)] == start]


def _has(frame: pd.DataFrame, key: Hashable) -> bool:
    labels = with_index(frame).columns
    return bool(_meant(key, labels, headers(labels)))
