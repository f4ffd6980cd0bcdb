"""What a field's value looks like on the wire, and what becomes of it in a cell.

A kind names the type that msgspec decodes straight from the bytes (which costs a quarter of decoding
everything) and the function that makes it flat. A value that does not fit its kind goes through `plain`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from schedkit.jira import adf, wiki
from schedkit.jira.fields import EPIC_LINK, PARENT_LINK, SPRINT, Field
from schedkit.jira.plain import listed, plain
from schedkit.jira.shapes import (
    Attachment,
    Comments,
    Issue,
    Link,
    Named,
    Option,
    ParentData,
    Status,
    User,
    Votes,
    Watches,
    Worklogs,
    name_of,
)
from schedkit.jira.sprint import sprint_name

__all__ = [
    "CATEGORY_NAMES",
    "KEY",
    "PARENT",
    "STATUS_CATEGORY",
    "Kind",
    "flatten",
    "kind_of",
]

CATEGORY_NAMES = {"undefined": "No Category", "new": "To Do", "indeterminate": "In Progress", "done": "Done"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    Parameters
    ----------
    name : str
        For `df.attrs["fields"]`.
    type : object
        What msgspec decodes.
    store : str
        Type of the column: text, category, int, float, datetime, date or list.
    flat : callable, optional
        From the decoded value to the cell's; None where they are the same.
    """

    name: str
    type: Any
    store: str
    flat: Callable[[Any], Any] | None = None


def _user(user: User | str) -> str | None:
    return user if type(user) is str else name_of(user)  # type: ignore[arg-type]  # narrowed by type()


def _category(status: Status) -> str | None:
    category = status.statusCategory
    if category is None:
        return None
    return category.name or CATEGORY_NAMES.get(category.key or "", category.key)


def _option(option: Option | str) -> str:
    if isinstance(option, str):
        return option
    return f"{option.value} / {_option(option.child)}" if option.child else option.value


def _name(thing: Named | str) -> str:
    # type() rather than isinstance: this runs for every value of every issue.
    return thing if type(thing) is str else thing.name  # type: ignore[union-attr]


def _link(link: Link) -> str | None:
    if link.outwardIssue:
        return f"{link.type.outward} {link.outwardIssue.key}"
    return f"{link.type.inward} {link.inwardIssue.key}" if link.inwardIssue else None


def _said(author: User | None, words: str) -> str:
    name = name_of(author) if author else None
    return f"{name}: {words}" if name else words


def _comments(page: Comments) -> tuple[str, ...]:
    return tuple(
        _said(c.author, c.body if isinstance(c.body, str) else adf.to_text(c.body)) for c in page.comments
    )


def _worklogs(page: Worklogs) -> tuple[str, ...]:
    return tuple(_said(work.author, work.timeSpent) for work in page.worklogs)


def _sprint(sprint: Named | str) -> str:
    return sprint_name(sprint) if isinstance(sprint, str) else sprint.name


def _each(flat: Callable[[Any], Any]) -> Callable[[list[Any]], tuple[Any, ...]]:
    return lambda items: tuple([flat(item) for item in items])


def _present(flat: Callable[[Any], Any]) -> Callable[[list[Any]], tuple[Any, ...]]:
    return lambda items: tuple([value for item in items if (value := flat(item)) is not None])


def _list(name: str, item: Any, flat: Callable[[Any], Any]) -> Kind:
    return Kind(name, list[item], "list", _each(flat))


KEY = Kind("issue key", str, "text")
PARENT = Kind("issue", Issue, "text", lambda issue: issue.key)
STATUS_CATEGORY = Kind("status category", Status, "category", _category)

_TEXT = Kind("text", str, "text")
_NAMED = Kind("named", Named | str, "category", _name)
_ANY = Kind("any", Any, "text", plain)
_SPRINT = _list("sprint", Named | str, _sprint)
_PARENT_LINK = Kind(
    "issue", str | ParentData, "text", lambda v: v if isinstance(v, str) else (v.data.key if v.data else None)
)

_BY_TYPE: dict[str, Kind] = {
    "status": Kind("status", Status, "category", lambda status: status.name),
    "user": Kind("user", User | str, "text", _user),
    "option": Kind("option", Option | str, "category", _option),
    "option-with-child": Kind("cascading option", Option | str, "category", _option),
    "datetime": Kind("datetime", str, "datetime"),
    "date": Kind("date", str, "date"),
    "number": Kind("number", float, "float"),
    "issuelink": PARENT,
    "votes": Kind("votes", Votes, "int", lambda v: v.votes),
    "watches": Kind("watches", Watches, "int", lambda v: v.watchCount),
    "comments-page": Kind("comments", Comments, "list", _comments),
    "group": replace(_NAMED, name="group", store="text"),
    "version": replace(_NAMED, name="version"),
    **{
        name: replace(_NAMED, name=name)
        for name in ("issuetype", "priority", "resolution", "project", "securitylevel")
    },
}
_BY_ITEMS: dict[str, Kind] = {
    "string": Kind("text list", list[str], "list", tuple),
    "option": _list("option list", Option | str, _option),
    "user": Kind("user list", list[User | str], "list", _present(_user)),
    "issuelinks": Kind("link list", list[Link], "list", _present(_link)),
    "attachment": _list("attachment list", Attachment, lambda a: a.filename),
    **{name: _list(f"{name} list", Named | str, _name) for name in ("version", "component", "group")},
}
_WORKLOG = Kind("worklogs", Worklogs, "list", _worklogs)
_SUBTASKS = _list("issue list", Issue, lambda issue: issue.key)
_RICH_IDS = {"description", "environment"}


def kind_of(field: Field, rich: str, markup: str = "text") -> Kind:
    """Return the kind of a field's values.

    Parameters
    ----------
    field : Field
        What the site says about it.
    rich : str
        The dialect's markup: ``adf`` or ``wiki``.
    markup : str
        What becomes of it: ``text``, ``markdown``, or ``raw`` to leave wiki markup and ADF JSON as they are.
    """
    if field.custom == SPRINT:
        return _SPRINT
    if field.custom == EPIC_LINK:
        return Kind("issue", str, "text")
    if field.custom == PARENT_LINK:
        return _PARENT_LINK
    if field.id == "subtasks":
        return _SUBTASKS
    if field.type == "array":
        if field.items == "worklog":
            return _WORKLOG
        return _BY_ITEMS.get(field.items or "") or Kind("list", Any, "list", listed)
    if field.type == "number" and field.custom is None:
        return Kind("whole number", int, "int")
    if field.type == "string":
        textarea = field.id in _RICH_IDS or (field.custom or "").endswith(":textarea")
        return _rich(rich, markup) if textarea else _TEXT
    return _BY_TYPE.get(field.type, _ANY)


def _rich(rich: str, markup: str) -> Kind:
    if markup == "raw":
        return Kind("text", str | dict[str, Any], "text", lambda v: v if isinstance(v, str) else _json(v))
    from_adf, from_wiki = (
        (adf.to_markdown, wiki.to_markdown) if markup == "markdown" else (adf.to_text, wiki.to_text)
    )
    if rich == "adf":
        return Kind("text", str | dict[str, Any], "text", lambda v: v if isinstance(v, str) else from_adf(v))
    return Kind(
        "text", str | dict[str, Any], "text", lambda v: from_wiki(v) if isinstance(v, str) else from_adf(v)
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def flatten(kind: Kind, value: Any) -> Any:
    """Make any decoded JSON value flat: by its kind if it fits, else as plainly as possible."""
    if value is None:
        return None
    try:
        typed = msgspec.convert(value, kind.type, strict=False)
    except msgspec.ValidationError:
        return listed(value) if kind.store == "list" else plain(value)
    return kind.flat(typed) if kind.flat else typed
