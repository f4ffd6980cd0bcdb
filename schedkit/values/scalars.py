"""Single numbers, flags, texts and times, whichever library's: a cell of a frame is NumPy's, not Python's.

NumPy need not be loaded for it.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

__all__ = ["flag_of", "number_of", "plain_scalar", "plain_text", "plain_time", "whole_number_of"]


def whole_number_of(value: object) -> int | None:
    """Return a whole number as Python's; None if the value is none, as True and False are.

    Examples
    --------
    >>> import numpy as np
    >>> whole_number_of(np.int64(3)), whole_number_of(3.0), whole_number_of(np.timedelta64(3, "D"))
    (3, None, None)
    """
    if type(value) is int:
        return value
    # To NumPy a timedelta64 is a signed integer.
    if isinstance(value, bool) or not isinstance(value, Integral) or _is_time(value):
        return None
    return int(value)


def number_of(value: object) -> float | None:
    """Return a finite number as Python's, a decimal or a fraction too; None if the value is none.

    Examples
    --------
    >>> import numpy as np
    >>> number_of(np.float32(0.5)), number_of(Decimal("0.5")), number_of("0.5"), number_of(float("nan"))
    (0.5, 0.5, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, Real | Decimal) or _is_time(value):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):  # a signalling NaN, or too large
        return None
    return found if math.isfinite(found) else None


def flag_of(value: object) -> bool | None:
    """Return True or False as Python's; None if the value is neither.

    Examples
    --------
    >>> import numpy as np
    >>> flag_of(np.True_), flag_of(1), flag_of("no")
    (True, None, None)
    """
    if isinstance(value, bool):
        return value
    return bool(value) if _is_of_numpy(value, "bool", "bool_") else None


def plain_scalar(value: Any) -> Any:
    """Return a number or a flag of NumPy's as Python's; anything else is returned as it is.

    Examples
    --------
    >>> import numpy as np
    >>> plain_scalar(np.int64(3)), plain_scalar(np.False_), plain_scalar(Decimal("0.5"))
    (3, False, Decimal('0.5'))
    """
    if type(value).__module__ != "numpy" or _is_time(value):
        return value
    for read in (flag_of, whole_number_of, number_of):
        found = read(value)
        if found is not None:
            return found
    return value


def plain_text(value: str) -> str:
    """Return a text as Python's own: a member of an enumeration of texts is formatted as its name.

    Examples
    --------
    >>> from enum import Enum
    >>> class Team(str, Enum):
    ...     WEB = "web"
    >>> f"{Team.WEB}", plain_text(Team.WEB)
    ('Team.WEB', 'web')
    """
    return str.__str__(value)


def plain_time(value: Any) -> Any:
    """Return a time of NumPy's or pandas' as Python's; a day of NumPy's is a date.

    A `pandas.Timestamp` is a datetime, but cannot stand for one: without a zone it has no ``astimezone()``.
    NaT and anything else is returned as it is.

    Examples
    --------
    >>> import numpy as np
    >>> plain_time(np.datetime64("2026-03-01")), plain_time(np.timedelta64(90, "m"))
    (datetime.date(2026, 3, 1), datetime.timedelta(seconds=5400))
    """
    if isinstance(value, datetime) and type(value) is not datetime and value == value:
        day, clock = (value.year, value.month, value.day), (value.hour, value.minute, value.second)
        return datetime(*day, *clock, value.microsecond, value.tzinfo, fold=value.fold)
    if not _is_time(value) or value != value:
        return value
    if str(value.dtype) in ("timedelta64[M]", "timedelta64[Y]"):  # no fixed length
        return value
    found = value.item()
    if not isinstance(found, date | datetime | timedelta):  # finer than Python's
        found = value.astype(f"{type(value).__name__}[us]").item()
    return found if isinstance(found, date | datetime | timedelta) else value


def _is_time(value: object) -> bool:
    return _is_of_numpy(value, "datetime64", "timedelta64")


def _is_of_numpy(value: object, *names: str) -> bool:
    return type(value).__module__ == "numpy" and type(value).__name__ in names
