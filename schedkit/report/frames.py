"""The frames of a running report: the present one, and those that have a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from schedkit.errors import UsageError
from schedkit.values.extraction import incomplete
from schedkit.values.text import did_you_mean, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frames", "columns_of", "stacked", "with_incompleteness"]


@dataclass(frozen=True)
class Frames:
    """The present frame, and others by name: extractions, and what steps have saved.

    Parameters
    ----------
    changelogs : tuple of str
        Which of the named frames are changelogs.
    """

    current: pd.DataFrame
    named: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    changelogs: tuple[str, ...] = ()

    def get(self, name: str | None, what: str) -> pd.DataFrame:
        """Return a frame by its name; without one, the present frame.

        Raises
        ------
        UsageError
            There is none of that name; the message begins with `what`.
        """
        if name is None:
            return self.current
        if name not in self.named:
            raise UsageError(
                f"{what}: there is no frame {safe_repr(name)}",
                hint=did_you_mean(name, self.named, otherwise="save one with a step save:"),
            )
        return self.named[name]

    def now(self, frame: pd.DataFrame) -> Frames:
        """Return the same with another present frame."""
        return replace(self, current=frame)

    def saved(self, name: str) -> Frames:
        """Return the same with the present frame under a name, too."""
        return replace(self, named={**self.named, name: self.current})


def columns_of(frame: pd.DataFrame, names: Iterable[str], what: str) -> list[str]:
    """Return names of columns that the frame has.

    Raises
    ------
    UsageError
        It lacks one; the message begins with `what`.
    """
    names = list(names)
    for name in names:
        if name not in frame.columns:
            raise UsageError(
                f"{what}: there is no column {safe_repr(name)}", hint=did_you_mean(name, frame.columns)
            )
    return names


def stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of frames below each other; what any of them lacks, the whole lacks."""
    import pandas as pd

    attrs = frames[0].attrs
    shown = [frame.copy(deep=False) for frame in frames]
    for frame in shown:
        # pandas compares attrs when it joins frames.
        frame.attrs = {}
    for name in shown[0].columns:
        _share_categories([frame for frame in shown if name in frame.columns], name)
    whole = pd.concat(shown, ignore_index=True)
    fields: dict[str, Any] = {}
    for frame in reversed(frames):
        fields |= frame.attrs.get("fields", {})
    whole.attrs = {**attrs, **({"fields": fields} if fields else {})}
    return with_incompleteness(whole, frames)


def _share_categories(frames: list[pd.DataFrame], name: str) -> None:
    """Give a column of categories the same ones in all frames, which keeps their order."""
    import pandas as pd

    dtypes = [frame[name].dtype for frame in frames]
    if len(dtypes) < 2 or not all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes):
        return
    categories = list(dict.fromkeys(each for dtype in dtypes for each in dtype.categories))  # type: ignore[union-attr]  # asked above
    ordered = all(dtype.ordered for dtype in dtypes)  # type: ignore[union-attr]  # asked above
    shared = pd.CategoricalDtype(categories, ordered=ordered)
    for frame in frames:
        frame[name] = frame[name].astype(shared)


def with_incompleteness(frame: pd.DataFrame, others: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return `frame`, whose record of its extraction says what the `others` lack, too."""
    records = [other.attrs["extraction"] for other in others if incomplete(other.attrs)]
    if records:
        own = frame.attrs.get("extraction")
        made: dict[str, Any] = dict(own) if isinstance(own, Mapping) else {}
        for key in ("missing_sites", "missing"):
            parts = [record.get(key) for record in records]
            made[key] = {
                name: why for part in parts if isinstance(part, Mapping) for name, why in part.items()
            }
        frame.attrs["extraction"] = {**made, "complete": False}
    return frame
