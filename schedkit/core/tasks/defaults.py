"""What a task does where its declaration does not say: one scheduler's job defaults."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

from schedkit.core.model import Task
from schedkit.errors import SettingsError
from schedkit.values.durations import parse_duration

__all__ = ["JOB_DEFAULT", "JobDefault", "JobDefaults", "said"]


class _Unsaid(Enum):
    JOB_DEFAULT = "the scheduler's job default"

    def __repr__(self) -> str:
        return self.name


# An option that a declaration leaves to the scheduler; None cannot say so, since it means "however late".
JOB_DEFAULT = _Unsaid.JOB_DEFAULT
JobDefault = Literal[_Unsaid.JOB_DEFAULT]

_WORDS = {"coalesce": "coalesce", "max_instances": "max_instances", "misfire_grace_time": "misfire_grace"}


def said(**options: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Part options into those that have a value and the names of those left to the scheduler."""
    given = {name: value for name, value in options.items() if value is not JOB_DEFAULT}
    return given, frozenset(options) - frozenset(given)


@dataclasses.dataclass(frozen=True, slots=True)
class JobDefaults:
    """Values of the options that a task's declaration left open.

    Parameters
    ----------
    misfire_grace : float or None
        In seconds; None: however late.
    """

    coalesce: bool = True
    max_instances: int = 1
    misfire_grace: float | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> JobDefaults:
        """Read ``{coalesce, max_instances, misfire_grace_time}``, as APScheduler names them.

        Raises
        ------
        SettingsError
            If there is another key, or a value out of its range.

        Examples
        --------
        >>> JobDefaults.of({"misfire_grace_time": "5m"}).misfire_grace
        300.0
        """
        made: dict[str, Any] = {}
        for key, value in values.items():
            what = f"job_defaults: {key}={value!r}"
            if key not in _WORDS:
                near = difflib.get_close_matches(str(key), _WORDS, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(_WORDS)}"
                raise SettingsError(f"job_defaults has no {key!r}", hint=hint)
            if key == "coalesce" and not isinstance(value, bool):
                raise SettingsError(what, hint="True or False")
            if key == "max_instances" and (type(value) is not int or value < 1):
                raise SettingsError(what, hint="a whole number, at least 1")
            if key == "misfire_grace_time" and value is not None:
                value = parse_duration(value, "job_defaults: misfire_grace_time")
                if value <= 0:
                    raise SettingsError(what, hint="more than 0 s; None: run however late")
            made[_WORDS[key]] = value
        return cls(**made)

    def fill(self, task: Task) -> Task:
        """Return a task in which nothing is open any more."""
        if not task.left_open:
            return task
        values = {name: getattr(self, name) for name in task.left_open}
        return dataclasses.replace(task, **values, left_open=frozenset())
