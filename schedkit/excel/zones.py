"""The zone that times are shown in."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal import get_localzone

from schedkit.errors import WorkbookError


def zone_of(tz: str | tzinfo | None) -> tuple[tzinfo, str]:
    """Return a zone and its name; None means the machine's.

    Raises
    ------
    WorkbookError
        If there is no zone of that name.
    """
    if tz is None:
        tz = get_localzone()
    if isinstance(tz, str):
        try:
            return ZoneInfo(tz), tz
        except (ZoneInfoNotFoundError, ValueError):
            raise WorkbookError(
                f"no time zone is called {tz!r}", hint='write it like "Europe/Berlin"'
            ) from None
    return tz, getattr(tz, "key", None) or str(tz)
