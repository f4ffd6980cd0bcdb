"""Which column of an issue frame plays which role, by field id or usual name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


# Jira's status categories by key and by the names it shows, in the order work flows.
CATEGORIES = ("To Do", "In Progress", "Done")
_CATEGORY_NAMES = {
    "new": 0,
    "to do": 0,
    "open": 0,
    "zu erledigen": 0,
    "à faire": 0,
    "por hacer": 0,
    "da completare": 0,
    "indeterminate": 1,
    "in progress": 1,
    "in arbeit": 1,
    "en cours": 1,
    "en curso": 1,
    "in corso": 1,
    "done": 2,
    "complete": 2,
    "fertig": 2,
    "terminé": 2,
    "listo": 2,
    "completato": 2,
}


def category_of(name: object) -> int | None:
    """Return where a status category stands in `CATEGORIES`, None for an unknown one.

    Examples
    --------
    >>> category_of("In Arbeit"), category_of("Done"), category_of("?")
    (1, 2, None)
    """
    return _CATEGORY_NAMES.get(str(name).strip().casefold())


def category_names(place: int) -> tuple[str, ...]:
    """Return the names under which a status category of `CATEGORIES` may appear."""
    return tuple(name for name, at in _CATEGORY_NAMES.items() if at == place)


# How urgent a priority is, worst first, by the names of both of Jira's default schemes.
PRIORITIES = (
    ("Highest", "Blocker", "Critical"),
    ("High", "Major"),
    ("Medium", "Normal"),
    ("Low", "Minor"),
    ("Lowest", "Trivial"),
)
