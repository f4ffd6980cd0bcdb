"""One place where notices go, by an Apprise URL that only the environment knows."""

from __future__ import annotations

import fnmatch
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schedkit.errors import SettingsError, UsageError
from schedkit.notify.notices import KINDS, Kind, Notice
from schedkit.values.durations import Duration
from schedkit.values.extras import requires_extra
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import duration

__all__ = ["Channel", "Voice"]

_LIMIT = 4000
_TITLE = 200


@check_keywords
@dataclass(frozen=True)
class Channel:
    """Where notices go, which, and how often.

    Parameters
    ----------
    env : str
        Name of the environment variable that holds the Apprise URL, a secret: ``mmosts://…``
        (Mattermost), ``slack://…``, ``workflows://…`` (Teams), ``mailtos://…``, ``json://…``.
    on : sequence of {"failed", "done", "late"}
        What to tell.
    tasks : sequence of str
        Names or patterns of tasks, ``["bugs*"]``.
    every : str, float or timedelta
        The least time between two messages; what happens meanwhile becomes one digest.
    templates : mapping, optional
        Text by kind with ``{task}``, ``{run}``, ``{at}``, ``{link}``, ``{reason}`` and, of ended runs,
        ``{state}``, ``{duration}``, ``{attempt}``, ``{error}``, ``{hint}``, ``{page}``, ``{file}``.

    Raises
    ------
    SettingsError
        For an unknown kind, or an address where a variable's name was meant.

    Examples
    --------
    >>> Channel("TEAM_CHAT_URL", on=["failed"], tasks=["bugs*"])
    Channel(env='TEAM_CHAT_URL', on=['failed'], tasks=['bugs*'], every=300.0, templates={})
    """

    env: str
    on: Sequence[Kind] = ("failed", "late")
    tasks: Sequence[str] = ("*",)
    every: Duration = 300.0
    templates: Mapping[Kind, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.env.isidentifier():
            # Not repeated in the message: it may be the secret itself.
            raise SettingsError(
                "a notification channel is named by an environment variable, not by an address",
                hint="put the Apprise URL into e.g. TEAM_CHAT_URL and write Channel('TEAM_CHAT_URL')",
            )
        for kind in (*self.on, *self.templates):
            if kind not in KINDS:
                raise SettingsError(f"nothing is told on {kind!r}", hint=f"write {', '.join(KINDS)}")
        try:
            _ = self.pause
        except UsageError as error:
            raise SettingsError(f"channel {self.env}: {error.message}", hint=error.hint) from None

    @property
    def pause(self) -> float:
        """The least time between two messages, in seconds."""
        found: float = duration()(self.every, "every")
        return found

    def wants(self, notice: Notice) -> bool:
        """Tell whether a notice goes here."""
        return notice.kind in self.on and any(fnmatch.fnmatchcase(notice.task, p) for p in self.tasks)


class Voice:
    """A channel's sender: Apprise with the URL of the environment, read once."""

    def __init__(self, channel: Channel, environ: Mapping[str, str] | None = None) -> None:
        url = (os.environ if environ is None else environ).get(channel.env, "").strip()
        if not url:
            raise SettingsError(
                f"the environment has no {channel.env}", hint="set it to the channel's Apprise URL"
            )
        with requires_extra("notify", "notifications"):
            import apprise
        # Its debug lines hold the whole address.
        logger = logging.getLogger("apprise")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
        self.channel = channel
        self._text = apprise.NotifyFormat.TEXT
        self._apprise: Any = apprise.Apprise()
        with warnings.catch_warnings():
            # The plug-ins, loaded now, import what later Pythons no longer have.
            warnings.simplefilter("ignore", DeprecationWarning)
            known = self._apprise.add(url)
        if not known:
            raise SettingsError(
                f"{channel.env} holds no URL that Apprise knows",
                hint="see Apprise's list of services for its form",
            )
        # Where a service has no titles, Apprise puts the title into the body.
        self.limit = min([_LIMIT, *(server.body_maxlen for server in self._apprise)]) - _TITLE

    def __repr__(self) -> str:
        return f"Voice({self.channel.env!r})"

    def say(self, title: str, body: str) -> bool:
        """Send a message; blocking, True if the service took it."""
        return bool(self._apprise.notify(title=title, body=body, body_format=self._text))
