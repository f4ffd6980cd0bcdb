"""Names of tasks in the settings that no task has: a misspelt one would be silent for ever."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator

from schedkit.settings.model import NotifySettings
from schedkit.values.text import did_you_mean

__all__ = ["unmatched_tasks"]


def unmatched_tasks(notify: NotifySettings, names: Iterable[str]) -> Iterator[str]:
    """Return a sentence for each name or pattern under ``notify:`` that fits no task.

    Parameters
    ----------
    names : iterable of str
        The tasks that there are.
    """
    known = sorted(names)
    if not known:
        return
    for place, pattern in _named(notify):
        if not any(fnmatch.fnmatchcase(name, pattern) for name in known):
            hint = did_you_mean(pattern, known)
            yield f"{place}: no task is called {pattern!r}" + (f" ({hint})" if hint else "")


def _named(notify: NotifySettings) -> Iterator[tuple[str, str]]:
    for number, channel in enumerate(notify.channels):
        yield from ((f"notify.channels.{number}.tasks", pattern) for pattern in channel.tasks)
    for number, rule in enumerate(notify.rules):
        yield f"notify.rules.{number}.task", rule.task
    for task in notify.heartbeats:
        yield "notify.heartbeats", task
