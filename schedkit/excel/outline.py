"""The levels of grouped rows, as Excel's outline has them: the summary above its details."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schedkit.errors import WorkbookError

__all__ = ["DEEPEST", "LEVEL", "Outline"]

# The column of levels that a hierarchy from Jira has.
LEVEL = "Level"
# Excel's limit; rows further down are grouped with these.
DEEPEST = 7


@dataclass(frozen=True)
class Outline:
    """The levels of a frame's rows, 0 at the top, and from which on they are hidden (None: none).

    `position` is the column, from 1, that holds them.
    """

    position: int
    levels: npt.NDArray[np.int64]
    collapse: int | None = None

    @classmethod
    def of(cls, series: pd.Series[Any], position: int, header: str, collapse: int | None) -> Outline:
        """Return the outline that a column of levels describes; rows without a level are at the top.

        Raises
        ------
        WorkbookError
            If the column does not hold levels.
        """
        if not pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
            raise _no_levels(header)
        values = series.to_numpy(np.float64, na_value=np.nan)
        present = values[~np.isnan(values)]
        if (present < 0).any() or (present != np.floor(present)).any():
            raise _no_levels(header)
        levels = np.minimum(np.nan_to_num(values), DEEPEST).astype(np.int64)
        return cls(position, levels, collapse)

    @property
    def deepest(self) -> int:
        """The greatest level."""
        return int(self.levels.max()) if len(self.levels) else 0

    @property
    def hidden(self) -> npt.NDArray[np.bool_]:
        """Which rows are hidden."""
        return self.levels > (DEEPEST if self.collapse is None else self.collapse)

    def attributes(self) -> pa.Array:
        """Return the attributes of each row's element."""
        hidden = self.hidden
        # The row above a hidden group has the button that expands it.
        opens = np.append((self.levels[1:] > self.levels[:-1]) & hidden[1:], False)[: len(self.levels)]
        texts = [
            (f' outlineLevel="{level}"' if level else "")
            + (' hidden="1"' if folded else "")
            + (' collapsed="1"' if above else "")
            for level in range(DEEPEST + 1)
            for folded in (False, True)
            for above in (False, True)
        ]
        return pa.array(texts, pa.large_string()).take(pa.array(self.levels * 4 + hidden * 2 + opens))


def _no_levels(header: str) -> WorkbookError:
    return WorkbookError(
        f"column {header!r} does not hold levels to group rows by",
        hint="levels are whole numbers from 0, as in the column Level of jira.root",
    )
