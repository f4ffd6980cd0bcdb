"""Which column of an issue frame plays which role, by field id or usual name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schedkit.excel.names import header_key

# Role: the field ids of both Jira dialects, then the headers analysts give it.
_KNOWN: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "key": ({"issuekey", "key"}, ("key", "issue key")),
    "status": ({"status"}, ("status",)),
    "category": ({"statusCategory", "statuscategory"}, ("status category",)),
    "priority": ({"priority"}, ("priority",)),
    "assignee": ({"assignee"}, ("assignee",)),
    "component": ({"components"}, ("components", "component/s", "component")),
    "created": ({"created"}, ("created",)),
    "resolved": ({"resolutiondate"}, ("resolved", "resolution date")),
    "due": ({"duedate"}, ("due", "due date")),
    "points": (set(), ("story points", "story point estimate")),
}


def roles(headers: Sequence[str], fields: Mapping[str, Any]) -> dict[str, int]:
    """Return the 0-based place of each role's column, where there is one.

    Examples
    --------
    >>> roles(["Key", "State"], {"State": {"id": "status"}})
    {'key': 0, 'status': 1}
    """
    ids = [str((fields.get(header) or {}).get("id", "")) for header in headers]
    names = [header_key(header) for header in headers]
    found = {}
    for role, (role_ids, role_names) in _KNOWN.items():
        by_id = [place for place, id_ in enumerate(ids) if id_ in role_ids]
        by_name = [names.index(name) for name in role_names if name in names]
        if by_name or by_id:
            found[role] = (by_name or by_id)[0]
    return found


# Jira's status categories in the order work flows, and their keys.
CATEGORIES = ("To Do", "In Progress", "Done")
_CATEGORY_KEYS = {"new": 0, "indeterminate": 1, "done": 2}
# For frames that do not say which name means which key: what Jira calls the three in its languages.
_ENGLISH = {"to do": 0, "open": 0, "in progress": 1, "done": 2, "complete": 2}
_TRANSLATED = (
    "zu erledigen|à faire|por hacer|da completare|tarefas pendentes|te doen|att göra|do zrobienia"
    "|к выполнению|待办|待辦|未着手|해야 할 일",
    "in arbeit|en cours|en curso|in corso|em andamento|in uitvoering|pågående|w toku|в работе|в процессе"
    "|进行中|正在进行|進行中|진행 중",
    "fertig|erledigt|terminé|listo|completato|concluído|gereed|klart|gotowe|готово|完成|已完成|完了|완료",
)


@dataclass(frozen=True)
class StatusCategories:
    """The names of a frame's status categories, each with its place in the flow of work."""

    places: Mapping[str, int]

    @classmethod
    def of(cls, attrs: Mapping[Any, Any]) -> StatusCategories:
        """Return the categories of a frame, by key where its site gave them (``attrs["statuses"]``)."""
        told = {}
        statuses = attrs.get("statuses")
        for about in statuses.values() if isinstance(statuses, Mapping) else ():
            place = _CATEGORY_KEYS.get(str(about.get("key"))) if isinstance(about, Mapping) else None
            if place is not None:
                told[_fold(about.get("category"))] = place
        usual = {name: place for place, names in enumerate(_TRANSLATED) for name in names.split("|")}
        return cls({**_CATEGORY_KEYS, **_ENGLISH, **(told or usual)})

    def place(self, name: object) -> int | None:
        """Return the position of a category in `CATEGORIES`, None for an unknown one.

        Examples
        --------
        >>> StatusCategories.of({}).place("In Arbeit")
        1
        """
        return self.places.get(_fold(name))

    def names(self, place: int) -> list[str]:
        """Return the names under which a category may appear."""
        return [name for name, at in self.places.items() if at == place]


def _fold(name: object) -> str:
    return str(name).strip().casefold()


# How urgent a priority is, worst first, by the names of both of Jira's default schemes.
_PRIORITIES = (
    ("Highest", "Blocker", "Critical"),
    ("High", "Major"),
    ("Medium", "Normal"),
    ("Low", "Minor"),
    ("Lowest", "Trivial"),
)


def priorities(lowest_first: Sequence[str]) -> list[list[str]]:
    """Return the priorities of five degrees of urgency, worst first.

    A site's own order, lowest first, counts more than what its priorities are called.

    Examples
    --------
    >>> priorities(["Gering", "Dringend"])
    [['Dringend'], [], [], [], ['Gering']]
    """
    usual = {name for names in _PRIORITIES for name in names}
    if not lowest_first or set(lowest_first) <= usual:
        return [list(names) for names in _PRIORITIES]
    degrees: list[list[str]] = [[] for _ in _PRIORITIES]
    for place, name in enumerate(reversed(lowest_first)):
        degrees[round(place * (len(degrees) - 1) / max(len(lowest_first) - 1, 1))].append(name)
    return degrees
