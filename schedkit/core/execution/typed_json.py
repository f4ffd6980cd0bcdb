"""Values as JSON that keeps their types: what comes back equals what was given, and is of its type.

What JSON itself returns as it was stands as it is; anything else is ``{"$type": …}``. Types of other packages
than numpy and pandas, and classes of the user's, are refused: nothing is kept that would come back as
something else, and nothing is kept as code.
"""

from __future__ import annotations

import base64
import io
import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

__all__ = ["from_json", "to_json"]

# Makes JSON of what is not known here, e.g. a frame; raises TypeError.
Other = Callable[[Any], Any]


def _refuse(value: Any) -> Any:
    kind = type(value)
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} cannot be kept with its type")


def to_json(value: Any, other: Other = _refuse) -> Any:
    """Return a value as what JSON returns as it is.

    Parameters
    ----------
    other : callable
        Makes JSON of what is not known here.

    Raises
    ------
    TypeError
        If it holds something that would come back as something else.

    Examples
    --------
    >>> to_json({"a": [1, (2, 3)]})
    {'a': [1, {'$tuple': [2, 3]}]}
    >>> from_json(to_json({1: float("inf")}))
    {1: inf}
    """
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is str:
        return value if _is_unicode(value) else {"$text": _base64(value.encode("utf-8", "surrogatepass"))}
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [to_json(each, other) for each in value]
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") and _is_unicode(key) for key in value):
            return {key: to_json(each, other) for key, each in value.items()}
        return {"$dict": [[to_json(key, other), to_json(each, other)] for key, each in value.items()]}
    if kind in _SEQUENCES:
        return {f"${kind.__name__}": [to_json(each, other) for each in value]}
    if (written := _TO.get(kind)) is not None:
        name, write = written
        return {f"${name}": write(value)}
    if kind.__module__.partition(".")[0] in ("numpy", "pandas"):
        found = _to_numpy(value) if kind.__module__.startswith("numpy") else _to_pandas(value)
        if found is not None:
            return found
    return other(value)


def from_json(stored: Any, others: Mapping[str, Callable[[Any], Any]] | None = None) -> Any:
    """Return the value of which `to_json` made this.

    Parameters
    ----------
    others : mapping, optional
        What makes values of other ``$type``.
    """
    if type(stored) is list:
        return [from_json(each, others) for each in stored]
    if type(stored) is not dict:
        return stored
    name = next(iter(stored), "") if len(stored) == 1 else ""
    if not name.startswith("$"):
        return {key: from_json(each, others) for key, each in stored.items()}
    held = stored[name]
    if name == "$dict":
        return {from_json(key, others): from_json(each, others) for key, each in held}
    if name[1:] in _SEQUENCE_NAMES:
        return _SEQUENCE_NAMES[name[1:]](from_json(each, others) for each in held)
    return {**_FROM, **(others or {})}[name[1:]](held)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Times

_UTC = "UTC"


def _zone_to(tz: tzinfo | None) -> str | None:
    if tz is None:
        return None
    if isinstance(tz, ZoneInfo) and tz.key:
        return tz.key
    if type(tz) is timezone:
        return f"+{tz.utcoffset(None).total_seconds()}" if tz is not UTC else "+0"
    raise TypeError(f"a time zone of type {type(tz).__module__}.{type(tz).__qualname__} cannot be kept")


def _zone_from(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    if not name.startswith("+"):
        return ZoneInfo(name)
    seconds = float(name[1:])
    return timezone(timedelta(seconds=seconds)) if seconds else UTC


def _datetime_to(value: datetime) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), _zone_to(value.tzinfo), value.fold]


def _datetime_from(held: list[Any]) -> datetime:
    return datetime.fromisoformat(held[0]).replace(tzinfo=_zone_from(held[1]), fold=held[2])


def _time_to(value: time) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), _zone_to(value.tzinfo), value.fold]


def _time_from(held: list[Any]) -> time:
    return time.fromisoformat(held[0]).replace(tzinfo=_zone_from(held[1]), fold=held[2])


def _timedelta_from(held: list[int]) -> timedelta:
    return timedelta(*held)


# numpy and pandas, which are loaded by the code that has such values


def _to_numpy(value: Any) -> Any:
    import numpy as np

    if type(value) is not np.ndarray and not isinstance(value, np.generic):
        return None
    if value.dtype.hasobject:
        raise TypeError("an array of objects cannot be kept with its type")
    file = io.BytesIO()
    np.save(file, value, allow_pickle=False)
    return {"$numpy": _base64(file.getvalue())}


def _from_numpy(held: str) -> Any:
    import numpy as np

    found = np.load(io.BytesIO(base64.b64decode(held)), allow_pickle=False)
    return found[()] if found.ndim == 0 else found


def _to_pandas(value: Any) -> Any:
    import pandas as pd

    if value is pd.NaT:
        return {"$NaT": None}
    if value is pd.NA:
        return {"$NA": None}
    if type(value) is pd.Timestamp:
        zone = _zone_to(value.tzinfo)
        moment = value if zone is None else value.tz_convert("UTC").tz_localize(None)
        return {"$timestamp": [moment.isoformat(), zone, value.unit]}
    if type(value) is pd.Timedelta:
        return {"$pandas_timedelta": [value.as_unit(value.unit).value, value.unit]}
    return None


def _timestamp_from(held: list[Any]) -> Any:
    import pandas as pd

    moment, zone, unit = held
    found = pd.Timestamp(moment).as_unit(unit)
    return found if zone is None else found.tz_localize("UTC").tz_convert(_zone_from(zone))


def _pandas_timedelta_from(held: list[Any]) -> Any:
    import pandas as pd

    nanoseconds, unit = held
    return pd.Timedelta(nanoseconds, "ns").as_unit(unit)


def _pandas_constant(name: str) -> Callable[[Any], Any]:
    return lambda held: getattr(sys.modules.get("pandas") or __import__("pandas"), name)


_SEQUENCES: tuple[type, ...] = (tuple, set, frozenset)
_SEQUENCE_NAMES: dict[str, Any] = {kind.__name__: kind for kind in _SEQUENCES}
_TO: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("bytes", _base64),
    bytearray: ("bytearray", _base64),
    complex: ("complex", lambda value: [to_json(value.real), to_json(value.imag)]),
    date: ("date", date.isoformat),
    datetime: ("datetime", _datetime_to),
    time: ("time", _time_to),
    timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: ("decimal", str),
    Fraction: ("fraction", str),
    UUID: ("uuid", str),
    range: ("range", lambda value: [value.start, value.stop, value.step]),
    **{kind: (kind.__name__, str) for kind in (PurePosixPath, PureWindowsPath)},
    **dict.fromkeys((PosixPath, WindowsPath), ("path", str)),
}
_FROM: dict[str, Callable[[Any], Any]] = {
    "text": lambda held: base64.b64decode(held).decode("utf-8", "surrogatepass"),
    "float": float,
    "bytes": base64.b64decode,
    "bytearray": lambda held: bytearray(base64.b64decode(held)),
    "complex": lambda held: complex(*map(from_json, held)),
    "date": date.fromisoformat,
    "datetime": _datetime_from,
    "time": _time_from,
    "timedelta": _timedelta_from,
    "decimal": Decimal,
    "fraction": Fraction,
    "uuid": UUID,
    "range": lambda held: range(*held),
    "PurePosixPath": PurePosixPath,
    "PureWindowsPath": PureWindowsPath,
    "path": Path,
    "numpy": _from_numpy,
    "timestamp": _timestamp_from,
    "pandas_timedelta": _pandas_timedelta_from,
    "NaT": _pandas_constant("NaT"),
    "NA": _pandas_constant("NA"),
}
