"""Time zones: one parser and one spelling for every public function."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from schedkit.errors import UsageError
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["in_known_zone", "local_timezone", "parse_timezone", "timezone_name"]

# What machines and data call UTC; their zones are equal and compare as different.
_UTC_NAMES = {"UTC", "Etc/UTC", "UCT", "Etc/UCT", "Universal", "Etc/Universal", "Zulu", "Etc/Zulu"}
_EXAMPLES = "use e.g. 'Europe/Berlin', 'UTC', 'local' or '+02:00'"


def parse_timezone(value: str | tzinfo) -> tzinfo:
    """Return the time zone that a name or an object means.

    Parameters
    ----------
    value : str or tzinfo
        An IANA name (``"Europe/Berlin"``), ``"UTC"``, ``"local"`` (the machine's), an offset (``"+02:00"``)
        or a tzinfo. Zones of pytz and dateutil become the `zoneinfo.ZoneInfo` of the same key: their own
        objects do not follow PEP 495, so wall times of pytz zones would be read with a historic offset.

    Returns
    -------
    tzinfo
        A `zoneinfo.ZoneInfo`, or a `datetime.timezone` for UTC and offsets.

    Raises
    ------
    UsageError
        If there is no such zone, or an object names none.

    Examples
    --------
    >>> parse_timezone("europe/berlin")
    zoneinfo.ZoneInfo(key='Europe/Berlin')
    >>> timezone_name(parse_timezone("+02:00"))
    '+02:00'
    """
    if isinstance(value, tzinfo):
        return _of_object(value)
    if not isinstance(value, str):
        raise UsageError(f"invalid time zone {safe_repr(value)}", hint=_EXAMPLES)
    name = value.strip()
    if name.upper() in ("UTC", "Z"):
        return UTC
    if name.lower() == "local":
        return local_timezone()
    if name[:1] in ("+", "-"):
        return _of_offset(name)
    try:
        return _of_object(ZoneInfo(_in_its_spelling(name)))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"unknown time zone {safe_repr(value)}", hint=_hint(name)) from None


def _hint(name: str) -> str:
    offset = re.fullmatch(r"(?:GMT|UTC)([+-])(\d{1,2})(?::?(\d{2}))?", name, re.IGNORECASE)
    if offset is not None:  # a near match would be Etc/GMT+2, which is two hours behind UTC
        return f"write it as '{offset[1]}{int(offset[2]):02}:{offset[3] or '00'}'"
    return did_you_mean(name, available_timezones(), otherwise=_EXAMPLES)


def timezone_name(tz: tzinfo) -> str:
    """Return the text from which `parse_timezone` makes the same zone again.

    Raises
    ------
    UsageError
        If the object names no zone.
    """
    tz = _of_object(tz)
    if tz is UTC:
        return "UTC"
    if isinstance(tz, ZoneInfo):
        return str(tz.key)
    return datetime(2000, 1, 1, tzinfo=tz).isoformat()[19:]


def in_known_zone(moment: datetime) -> datetime:
    """Return a datetime with the zone that `parse_timezone` makes of its own; one without a zone as it is.

    Its wall time stays. ``datetime(2026, 1, 5, 7, tzinfo=pytz.timezone("Europe/Berlin"))`` has the offset of
    1893 to pytz; here it is 07:00 in Berlin.

    Raises
    ------
    UsageError
        If its zone has no name, or it is pandas' NaT, which is a datetime too.
    """
    if moment != moment:
        raise UsageError(f"{moment} is not a date and time")
    if moment.tzinfo is None:
        return moment
    zone = parse_timezone(moment.tzinfo)
    if zone is moment.tzinfo:
        return moment
    found, offset = moment.replace(tzinfo=zone), moment.utcoffset()
    # pytz tells the two passes of a repeated hour by its object, everybody else by the fold.
    other = found.replace(fold=1 - found.fold)
    return other if found.utcoffset() != offset and other.utcoffset() == offset else found


def local_timezone() -> tzinfo:
    """Return the machine's own time zone.

    Raises
    ------
    UsageError
        If the machine's settings contradict each other.
    """
    from tzlocal import get_localzone

    try:
        return _of_object(get_localzone())
    except ZoneInfoNotFoundError as error:
        raise UsageError(
            f"cannot determine this machine's time zone: {str(error.args[0]).splitlines()[0]}",
            hint="name one: tz='Europe/Berlin', or set the environment variable TZ",
        ) from None


def _of_object(value: tzinfo) -> tzinfo:
    if isinstance(value, timezone):
        return UTC if not value.utcoffset(None) else value
    if isinstance(value, ZoneInfo) and value.key is not None:
        return UTC if value.key in _UTC_NAMES else value
    key = _key_of(value)
    if key is not None:
        return parse_timezone(key)
    raise UsageError(
        f"time zone {safe_repr(value)} has no name", hint="use zoneinfo.ZoneInfo('Europe/Berlin') or its name"
    )


def _key_of(value: Any) -> str | None:
    """Return the name that a zone object of another library carries; None if it has none."""
    if isinstance(getattr(value, "zone", None), str):  # pytz
        return str(value.zone)
    package = type(value).__module__.partition(".")[0]
    if package == "pytz" and hasattr(value, "utcoffset"):  # pytz.FixedOffset
        return _offset_text(value)
    if package == "dateutil":
        kind = type(value).__name__
        if kind == "tzutc":
            return "UTC"
        if kind == "tzlocal":
            return "local"
        if kind == "tzoffset":
            return _offset_text(value)
        return _key_of_file(str(getattr(value, "_filename", "")))
    return None


def _offset_text(value: tzinfo) -> str:
    offset = value.utcoffset(None) or timedelta()
    return datetime(2000, 1, 1, tzinfo=timezone(offset)).isoformat()[19:]


def _key_of_file(path: str) -> str | None:
    """Return the zone of a path into a zone database, e.g. ``/usr/share/zoneinfo/Europe/Berlin``."""
    parts = path.replace("\\", "/").split("/")
    known = available_timezones()
    return next((key for at in range(len(parts)) if (key := "/".join(parts[at:])) in known), None)


def _of_offset(text: str) -> tzinfo:
    try:
        found = datetime.fromisoformat(f"2000-01-01T00:00:00{text}").tzinfo
    except ValueError:
        found = None
    if found is None:
        raise UsageError(f"invalid time zone {safe_repr(text)}", hint="write an offset as '+02:00'")
    return _of_object(found)


def _in_its_spelling(name: str) -> str:
    """Return an IANA name in its own case: macOS and Windows would accept any, Linux only this one."""
    if name in available_timezones():
        return name
    fold = name.casefold()
    return next((key for key in available_timezones() if key.casefold() == fold), name)
