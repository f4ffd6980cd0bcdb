"""The weekly pack as a page: each figure's picture, and its table below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from schedkit.values.keywords import check_keywords
from schedkit.values.timezones import timezone_name

if TYPE_CHECKING:
    from schedkit.confluence import Confluence, Plan
    from schedkit.flow import Pack

__all__ = ["publish_pack"]

# More rows are for a workbook.
_ROWS, _CHARS = 30, 200
_DAYS = ("Period", "Day")


@check_keywords
def publish_pack(
    pack: Pack,
    wiki: Confluence,
    title: str,
    *,
    parent: str | int | None = None,
    key: str | None = None,
    labels: Sequence[str] = (),
    message: str = "Update the metrics",
    renewed: datetime | None = None,
) -> Plan:
    """Plan to create a page of the figures of a pack, or to fill the one that is there.

    People may write around the pictures and tables, and move them.

    Parameters
    ----------
    pack : Pack
        As `schedkit.flow.pack` returns it.
    wiki : Confluence
        The client of the site.
    title, parent, key, labels, message
        As for `Confluence.publish`.
    renewed : datetime, optional
        When the figures will be calculated again: the page says that they are stale after that.

    Returns
    -------
    Plan
        Look at it, then ``plan.apply()``.
    """
    from schedkit.confluence import Chart, Look, Managed

    values: dict[str, Any] = {"about": _about(pack, renewed)}
    parts = ["<p>{{ about }}</p>"]
    for name in pack:
        shown = pack.readable(name)
        if not len(shown):
            continue
        heading = pack.title(name)
        look = Look(dates=[column for column in _DAYS if column in shown], max_chars=_CHARS)
        values[name] = Managed(shown, cap=_ROWS, min_rows=0, max_drop=None, look=look)
        values[f"{name}-picture"] = Chart(pack.plot(name), f"{heading}, {pack.period}", f"{name}.png")
        parts.append(f"<h2>{escape(heading)}</h2><p>{{{{ {name}-picture }}}}</p><p>{{{{ {name} }}}}</p>")
    return wiki.publish(
        title, parent=parent, template="".join(parts), values=values, key=key, labels=labels, message=message
    )


def _about(pack: Pack, renewed: datetime | None) -> str:
    """Return what a reader must know: the period, warnings, until when it is true, and what is not there."""
    until = (
        []
        if renewed is None
        else [f"These figures are stale after {_moment(renewed)}, when the next are due"]
    )
    skipped = [f"{pack.title(name)} is not there: {why}" for name, why in pack.skipped.items()]
    empty = [f"{pack.title(name)}: nothing" for name in pack if not len(pack[name])]
    return ". ".join([pack.period, *until, *pack.warnings, *skipped, *empty])


def _moment(at: datetime) -> str:
    zone = "" if at.tzinfo is None else f" {timezone_name(at.tzinfo)}"
    return f"{at:%Y-%m-%d %H:%M}{zone}"
