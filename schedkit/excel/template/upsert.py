"""Which rows of a template a frame's rows belong to, by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel.frames.objects import missing
from schedkit.excel.frames.restore import Body

Key = tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """For each row of the new body the frame's row that fills it, -1 for an old row that has none.

    The first `old` rows are the template's own, in their order; then come the frame's new ones.
    """

    sources: npt.NDArray[np.int64]
    old: int

    @property
    def updated(self) -> int:
        return int((self.sources[: self.old] >= 0).sum())

    @property
    def added(self) -> int:
        return len(self.sources) - self.old

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame's rows in the order of the new body; a row without a source is missing."""
        # Ordinary integers and booleans could not hold the missing values.
        dtypes = {place: _WIDER.get(str(dtype.kind), dtype) for place, dtype in enumerate(frame.dtypes)}
        placed = frame.set_axis(range(frame.shape[1]), axis=1).reset_index(drop=True).astype(dtypes)
        made = placed.reindex(self.sources).set_axis(frame.columns, axis=1)
        made.attrs = frame.attrs
        return made


_WIDER = {"i": "Int64", "u": "UInt64", "b": "boolean"}


def match_rows(old: Sequence[Body], new_keys: Sequence[pd.Series[Any]], key: Sequence[str]) -> Match:
    """Match the rows of a body with those of a frame, both told by their key columns.

    Raises
    ------
    WorkbookError
        If two rows of the frame have the same key, or one has none.
    """
    new: dict[Key, int] = {}
    for place, values in enumerate(zip(*new_keys, strict=True)):
        found = tuple(map(_text, values))
        if not any(found):
            raise WorkbookError(
                f"row {place} of the frame has no {' + '.join(key)}", hint="drop it, or fill in the key"
            )
        if found in new:
            raise WorkbookError(
                f"{' + '.join(key)} {' + '.join(found)} stands twice in the frame",
                hint="an upsert needs unique keys",
            )
        new[found] = place
    told = [
        body.spread([_told(*cell) for cell in zip(body.values, body.kinds, strict=True)], "") for body in old
    ]
    sources = [new.get(found, -1) for found in zip(*told, strict=True)]
    known = set(sources)
    added = [place for place in new.values() if place not in known]
    return Match(np.array([*sources, *added], np.int64), len(sources))


def _text(value: Any) -> str:
    if missing(value):
        return ""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip()


def _told(value: Any, kind: str) -> str:
    return _text(float(value)) if kind == "n" else str(value).strip()
