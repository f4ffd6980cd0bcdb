"""A changelog behind its slices: a filtered frame tells nothing of what it leaves out, its attrs can."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["WholeHistory"]


class WholeHistory(dict[str, Any]):
    """The whole changelog, for ``attrs["history"]`` of its frame.

    It shares the frame's data, and is never copied (pandas copies attrs deeply whenever a column is taken).
    It is an empty mapping to whatever writes attrs to a file, and to a pickle, which would hold all of it
    twice.

    Parameters
    ----------
    frame : DataFrame
        As it was extracted.
    """

    def __init__(self, frame: Any) -> None:
        super().__init__()
        self.frame = frame.copy(deep=False)
        self.frame.attrs = {}

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, ()
