"""How the values of a frame become cells: what a caller decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property

from schedkit.confluence.tables.arguments import a_flag, a_mapping, a_number
from schedkit.confluence.tables.arguments import labels as column_labels
from schedkit.values.keywords import check_keywords
from schedkit.values.timezones import local_timezone, parse_timezone, timezone_name

__all__ = ["Look"]


@check_keywords
@dataclass(frozen=True)
class Look:
    """How values become cells.

    Parameters
    ----------
    links : mapping of str to str
        Column to URL template; ``{}`` is replaced by the value: ``{"Key": "https://…/browse/{}"}``.
        The frame's issue keys are linked by themselves where ``df.attrs["site"]`` is known.
    lozenges : mapping of str to mapping or str
        Column to colours by value, or to the column that holds the status category.
        ``Status`` is coloured by ``Status Category`` by default.
    mentions : mapping of str to str
        Column to the column that holds the users' account ids (Cloud) or keys (Data Center).
    dates : str or sequence of str
        Columns of moments of which only the day is shown. A column of dates always shows the day.
    tz : str or tzinfo, optional
        The time zone in which moments are shown; by default the machine's.
    show_zone : bool, optional
        Write the zone after each moment; by default where `tz` is given and is not the machine's.
    max_chars : int
        Longer text is cut, and ends in an ellipsis.
    cloud : bool
        Which dialect of mentions to write.
    """

    links: Mapping[str, str] = field(default_factory=dict)
    lozenges: Mapping[str, Mapping[str, str] | str] = field(default_factory=dict)
    mentions: Mapping[str, str] = field(default_factory=dict)
    dates: str | Sequence[str] = ()
    tz: str | tzinfo | None = None
    show_zone: bool | None = None
    max_chars: int = 1000
    cloud: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "links", a_mapping(self.links, "links", '{"Key": "https://…/browse/{}"}'))
        object.__setattr__(self, "mentions", a_mapping(self.mentions, "mentions", '{"Owner": "Owner Id"}'))
        example = '{"Risk": {"high": "Red"}}'
        object.__setattr__(self, "lozenges", a_mapping(self.lozenges, "lozenges", example, (str, Mapping)))
        object.__setattr__(self, "dates", tuple(map(str, column_labels(self.dates, "dates"))))
        a_number(self.max_chars, "max_chars", least=1)
        if self.show_zone is not None:
            a_flag(self.show_zone, "show_zone")
        if self.tz is not None:
            parse_timezone(self.tz)

    @cached_property
    def zone(self) -> tzinfo:
        return parse_timezone("local" if self.tz is None else self.tz)

    @cached_property
    def zone_behind(self) -> str:
        """The zone as it is written after a moment; empty if it is not shown."""
        shown = self.show_zone
        if shown is None:
            shown = self.tz is not None and self.zone != local_timezone()
        return f" {timezone_name(self.zone)}" if shown else ""

    @property
    def today(self) -> str:
        """The present day."""
        return datetime.now(self.zone).date().isoformat()
