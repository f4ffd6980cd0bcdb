"""One place where notices go, by an Apprise URL that only the environment knows."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schedkit.errors import SettingsError, UsageError
from schedkit.notify.notices import KINDS, Kind, Notice
from schedkit.values.durations import Duration
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import duration
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Channel"]


@check_keywords
@dataclass(frozen=True)
class Channel:
    """Where notices go, which, and how often.

    Parameters
    ----------
    env : str
        Name of the environment variable that holds the Apprise URL, a secret: ``mmosts://…``
        (Mattermost), ``slack://…``, ``workflows://…`` (Teams), ``mailtos://…``, ``json://…``.
    on : sequence of {"failed", "done", "late", "recovered", "overdue", "failing"}
        What to tell; a task has recovered when a run is done after one that failed, and `Rule` says when a
        task is overdue or failing.
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
    on: Sequence[Kind] = ("failed", "late", "recovered", "overdue", "failing")
    tasks: Sequence[str] = ("*",)
    every: Duration = 300.0
    templates: Mapping[Kind, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.env, str) or not self.env.isidentifier():
            # Not repeated in the message: it may be the secret itself.
            raise SettingsError(
                "a notification channel is named by an environment variable, not by an address",
                hint="put the Apprise URL into e.g. TEAM_CHAT_URL and write Channel('TEAM_CHAT_URL')",
            )
        for name in ("on", "tasks"):
            value = getattr(self, name)
            listed = None if isinstance(value, str | Mapping) or not isinstance(value, Iterable) else [*value]
            of_texts = name == "on" or all(isinstance(each, str) for each in listed or ())
            if listed is None or not of_texts:  # the kinds of `on` are checked below
                raise SettingsError(
                    f"channel {self.env}: {name}={safe_repr(value, 60)} is not a list of texts",
                    hint=f"write {name}=[…]",
                )
            if not isinstance(value, list | tuple):  # a column, or keys
                object.__setattr__(self, name, listed)
        if not isinstance(self.templates, Mapping):
            raise SettingsError(
                f"channel {self.env}: templates={safe_repr(self.templates, 60)} is not a mapping",
                hint='write templates={"failed": "{task}: {error}"}',
            )
        for kind in (*self.on, *self.templates):
            if not isinstance(kind, str) or kind not in KINDS:
                raise SettingsError(
                    f"unknown kind of notification {safe_repr(kind)}", hint=did_you_mean(kind, KINDS)
                )
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
