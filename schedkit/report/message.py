"""Deliveries to a chat or a mailbox: the first rows as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from schedkit.errors import UnavailableError
from schedkit.report.destination import Destination, put_words, words
from schedkit.report.frames import columns_of
from schedkit.report.models import Names
from schedkit.report.tools import ReportInfo, Tools
from schedkit.values.extraction import incomplete
from schedkit.values.text import clip, label_text, one_line
from schedkit.values.timezones import timezone_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MessageDelivery"]

_LONGEST_CELL = 80
_KNOWN = ("name", "count", "day", "description")


class MessageDelivery(Destination):
    """Send a message: a text, and the first rows of the frame."""

    channel: str
    """The environment variable that holds the Apprise URL, a secret; such as TEAM_CHAT_URL."""
    title: Annotated[str, words(*_KNOWN)] = "{name}"
    """The title; {name}, {count}, {day} and {description} are known."""
    text: Annotated[str, words(*_KNOWN)] = "{count} rows"
    """The text above the rows; the same are known."""
    columns: Names | None = None
    """The columns that are shown; by default the first four."""
    rows: int = Field(default=10, ge=0, le=100)
    """The most rows that are shown."""
    empty: bool = True
    """Whether a message is sent where there are no rows."""

    def check(self, report: ReportInfo, tools: Tools) -> None:
        """Refuse a channel that the environment does not have."""
        self._sender()

    def _sender(self) -> Any:
        from schedkit.notify.channel import Channel
        from schedkit.notify.sender import Sender

        return Sender(Channel(self.channel))

    def __call__(self, frame: pd.DataFrame, report: ReportInfo, tools: Tools) -> Callable[[], object]:
        from schedkit.notify.notices import harmless

        sender = self._sender()
        known = {
            "name": report.name,
            "count": f"{len(frame)}",
            "day": f"{tools.clock():%Y-%m-%d}",
            "description": report.description,
        }
        title, text = (put_words(each, known) for each in (self.title, self.text))
        parts = [text, *self._lines(frame, tools), incomplete(frame.attrs)]
        body = clip("\n".join(harmless(part) for part in parts if part), sender.limit)

        def apply() -> None:
            if not len(frame) and not self.empty:
                return
            if not sender.send(clip(harmless(title), 200), body, "done"):
                raise UnavailableError(
                    f"deliver.notify: the service of {self.channel} did not take the message",
                    hint="check the channel's URL",
                )

        return apply

    def _lines(self, frame: pd.DataFrame, tools: Tools) -> list[str]:
        wanted = list(frame.columns[:4]) if self.columns is None else list(self.columns)
        shown = frame[columns_of(frame, wanted, "deliver.notify")].head(self.rows)
        lines = [
            "- " + " | ".join(_cell(value, tools) for value in row)
            for row in shown.itertuples(index=False, name=None)
        ]
        rest = len(frame) - len(shown)
        more = [f"… and {rest} more"] if rest and self.rows else []
        values = (value for row in shown.itertuples(index=False, name=None) for value in row)
        if any(getattr(value, "tzinfo", None) is not None for value in values):
            more.append(f"Times: {timezone_name(tools.tz)}")
        return [*lines, *more]


def _cell(value: Any, tools: Tools) -> str:
    if isinstance(value, list | tuple):
        return one_line(", ".join(map(str, value)), _LONGEST_CELL)
    if value is None or value != value:
        return ""
    if getattr(value, "tzinfo", None) is not None:
        value = value.astimezone(tools.tz).strftime("%Y-%m-%d %H:%M")
    return one_line(label_text(value), _LONGEST_CELL)
