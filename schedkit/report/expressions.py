"""Expressions over the columns of a frame, in pandas' language."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from schedkit.errors import UsageError
from schedkit.values.text import did_you_mean, one_line, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evaluate"]


def evaluate(frame: pd.DataFrame, expression: str, what: str) -> Any:
    """Return the value of an expression over the columns; moments compare with texts such as '2026-03-01'.

    Raises
    ------
    UsageError
        If it fails; the message begins with `what`.
    """
    try:
        return _evaluated(frame, expression)
    except Exception as error:
        raise UsageError(
            f"{what}: {safe_repr(expression)} fails: {one_line(str(error) or type(error).__name__)}",
            hint=_hint(frame, error),
        ) from error


def _hint(frame: pd.DataFrame, error: Exception) -> str:
    otherwise = "put column names with spaces in `backticks`"
    if not isinstance(error, NameError):
        return otherwise
    # What pandas raises has the name in its message only.
    _, _, rest = str(error).partition("'")
    name = rest.partition("'")[0].removeprefix("BACKTICK_QUOTED_STRING_")
    return did_you_mean(name, [column for column in frame if isinstance(column, str)], otherwise=otherwise)


def _evaluated(frame: pd.DataFrame, expression: str) -> Any:
    """Compare as wall times in UTC.

    pandas makes a moment without a time zone of a text, which is in no order with moments that have one.
    """
    import pandas as pd

    work = functools.partial(pd.DataFrame.eval, expr=expression, engine="python", target=None)
    zoned = {
        place: frame.iloc[:, place].dt.tz_convert("UTC").dt.tz_localize(None)
        for place, dtype in enumerate(frame.dtypes)
        if isinstance(dtype, pd.DatetimeTZDtype)
    }
    if not zoned:
        return work(frame)
    walls = frame.copy()
    for place, wall in zoned.items():
        walls.isetitem(place, wall)
    try:
        found: Any = work(walls)
    except (TypeError, AttributeError):
        # The expression names a time zone itself.
        return work(frame)
    moments = isinstance(found, pd.Series) and pd.api.types.is_datetime64_any_dtype(found.dtype)
    return work(frame) if moments else found
