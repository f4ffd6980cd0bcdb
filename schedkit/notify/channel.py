"""One place where notices go, by an Apprise URL that only the environment knows."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schedkit.errors import SettingsError
from schedkit.notify.notices import KINDS, Kind, Notice
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Channel"]


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
    every : float or str
        Seconds (or ``"5m"``) between two messages at least; what happens meanwhile becomes one digest.
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
                raise SettingsError(
                    f"unknown kind of notification {safe_repr(kind)}", hint=did_you_mean(kind, KINDS)
                )
        if parse_duration(self.every, "every") < 0:
            raise SettingsError(f"every={self.every} is no pause between messages", hint="give seconds >= 0")
        object.__setattr__(self, "every", parse_duration(self.every, "every"))

    def wants(self, notice: Notice) -> bool:
        """Tell whether a notice goes here."""
        return notice.kind in self.on and any(fnmatch.fnmatchcase(notice.task, p) for p in self.tasks)
