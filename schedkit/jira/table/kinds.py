"""What a field's value looks like on the wire, and what becomes of it in a cell.

A kind names the type that msgspec decodes straight from the bytes (which costs a quarter of decoding
everything) and the function that makes it flat. A value that does not fit its kind goes through `plain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import msgspec

from schedkit.jira import adf, wiki
from schedkit.jira.table.fields import EPIC_LINK, PARENT_LINK, SPRINT, Field
from schedkit.jira.table.plain import listed, plain
from schedkit.jira.table.shapes import (
    Approval,
    Asset,
    Attachment,
    Comment,
    Comments,
    Duration,
    Feedback,
    Issue,
    Link,
    Named,
    Option,
    ParentData,
    Progress,
    Request,
    Sla,
    Status,
    Tracking,
    User,
    Votes,
    Watches,
    Work,
    Worklogs,
    name_of,
)
from schedkit.jira.table.sprint import sprint_name
from schedkit.values.durations import elapsed_text

__all__ = [
    "CATEGORY_NAMES",
    "KEY",
    "PARENT",
    "RAW",
    "STATUS_CATEGORY",
    "Kind",
    "NameOf",
    "entries",
    "flatten",
    "is_rich",
    "kind_of",
]

# What a person is called in a cell.
NameOf = Callable[[User], str | None]
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
    people : bool
        Whether it holds people: `flat` then takes also what names a person.
    endpoint : str
        Below an issue's address, where the whole list is read page by page; the issue itself may show only a
        part.
    """

    name: str
    type: Any
    store: str
    flat: Callable[..., Any] | None = None
    endpoint: str = ""
    people: bool = False

    def cut(self, values: Iterable[Any]) -> list[int]:
        """Return the rows whose decoded lists are only a part of the whole."""
        return [row for row, value in enumerate(values) if value and self._is_part(value)]

    def _is_part(self, value: Any) -> bool:
        if isinstance(value, Comments | Worklogs):
            return (value.total or 0) > len(value.items)
        if not isinstance(value, dict):
            return False
        total, items = value.get("total"), value.get(f"{self.endpoint}s")
        return isinstance(total, int) and isinstance(items, list) and total > len(items)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _category(status: Status) -> str | None:
    category = status.statusCategory
    if category is None:
        return None
    return category.name or CATEGORY_NAMES.get(category.key or "", category.key)


def _option(option: Option) -> str:
    return f"{option.value} / {_option(option.child)}" if option.child else option.value


def _link(link: Link) -> str | None:
    if link.outwardIssue:
        return f"{link.type.outward} {link.outwardIssue.key}"
    return f"{link.type.inward} {link.inwardIssue.key}" if link.inwardIssue else None


def _said(author: User | None, words: str | None, name: NameOf) -> str:
    who = name(author) if author else None
    return ": ".join(part for part in (who, words) if part)


def entries(found: Comments | Worklogs | list[Any]) -> list[Any]:
    """Return the entries of a page of comments or of work; older sites send a bare list."""
    return found if isinstance(found, list) else found.items


def _comments(found: Comments | list[Comment], name: NameOf) -> tuple[str, ...]:
    return tuple(
        [_said(c.author, c.body if isinstance(c.body, str) else adf.to_text(c.body), name)
         for c in entries(found)]
    )  # fmt: skip


def _worklogs(found: Worklogs | list[Work], name: NameOf) -> tuple[str, ...]:
    return tuple([_said(work.author, work.timeSpent, name) for work in entries(found)])


def _users(people: list[User], name: NameOf) -> tuple[str, ...]:
    return tuple([text for user in people if (text := name(user)) is not None])


def _sprints(sprints: list[Named | str]) -> tuple[str, ...]:
    return tuple([sprint_name(s) if isinstance(s, str) else s.name for s in sprints])


def _sla(sla: Sla) -> str | None:
    """Return the state of the running cycle, else how the last one ended."""
    if sla.ongoingCycle is not None:
        cycle = sla.ongoingCycle
        state = "breached" if cycle.breached else "paused" if cycle.paused else "running"
    elif sla.completedCycles:
        cycle = sla.completedCycles[-1]
        state = "breached" if cycle.breached else "met"
    else:
        return None
    spent, goal = cycle.elapsedTime, cycle.goalDuration
    if spent is None or goal is None:
        return state
    return f"{state} ({_span(spent)} of {_span(goal)})"


def _span(duration: Duration) -> str:
    return elapsed_text(duration.millis / 1000)


def _request(request: Request) -> str | None:
    return request.requestType.name if request.requestType else None


def _approval(approval: Approval) -> str | None:
    return ": ".join(part for part in (approval.name, approval.finalDecision) if part) or None


def _asset(asset: Asset | str) -> str | None:
    if isinstance(asset, str):
        return asset
    held = asset.label or asset.objectKey or asset.objectId or asset.id
    return None if held is None else str(held)


def _progress(progress: Progress) -> float:
    return round(100 * progress.progress / progress.total, 1) if progress.total else 0.0


def _tracking(tracking: Tracking) -> str | None:
    parts = []
    if tracking.timeSpent:
        parts.append(f"{tracking.timeSpent} spent")
    if tracking.originalEstimate:
        parts.append(f"of {tracking.originalEstimate}")
    if tracking.remainingEstimate:
        parts.append(f"{tracking.remainingEstimate} left")
    return ", ".join(parts) or None


def _each(flat: Callable[[Any], Any]) -> Callable[[list[Any]], tuple[Any, ...]]:
    return lambda items: tuple(map(flat, items))


def _present(flat: Callable[[Any], Any]) -> Callable[[list[Any]], tuple[Any, ...]]:
    return lambda items: tuple([value for item in items if (value := flat(item)) is not None])


def _list(name: str, item: Any, flat: Callable[[Any], Any]) -> Kind:
    return Kind(name, list[item], "list", _each(flat))


KEY = Kind("issue key", str, "text")
PARENT = Kind("issue", Issue, "text", attrgetter("key"))
STATUS_CATEGORY = Kind("status category", Status, "category", _category)

# A getter runs in C; any other value (a bare name, in some answers) goes through `flatten`.
_NAME = attrgetter("name")
_TEXT = Kind("text", str, "text")
_NAMED = Kind("named", Named, "category", _NAME)
_ANY = Kind("any", Any, "any", _json)
RAW = Kind("raw", Any, "raw", _json)
# Cloud's objects; Data Center's are texts.
_ASSETS = Kind("object list", list[Asset | str], "list", _present(_asset))
_ASSET_FIELDS = (
    "com.atlassian.jira.plugins.cmdb:cmdb-object-cftype",
    "com.riadalabs.jira.plugins.insight:rlabs-customfield-",
)
_SPRINT = Kind("sprint", list[Named | str], "list", _sprints)
_PARENT_LINK = Kind(
    "issue", str | ParentData, "text", lambda v: v if isinstance(v, str) else (v.data.key if v.data else None)
)

_BY_TYPE: dict[str, Kind] = {
    "status": Kind("status", Status, "category", attrgetter("name")),
    "user": Kind("user", User, "text", lambda user, name: name(user), people=True),
    "option": Kind("option", Option, "category", _option),
    "option-with-child": Kind("cascading option", Option, "category", _option),
    "datetime": Kind("datetime", str, "datetime"),
    "date": Kind("date", str, "date"),
    "number": Kind("number", float, "float"),
    "issuelink": PARENT,
    "votes": Kind("votes", Votes, "int", attrgetter("votes")),
    "watches": Kind("watches", Watches, "int", attrgetter("watchCount")),
    "comments-page": Kind("comments", Comments | list[Comment], "list", _comments, "comment", people=True),
    "sd-servicelevelagreement": Kind("sla", Sla, "text", _sla),
    "sd-customerrequesttype": Kind("request type", Request, "category", _request),
    "sd-approvals": Kind("approval list", list[Approval], "list", _present(_approval)),
    "sd-feedback": Kind("satisfaction", Feedback, "int", attrgetter("rating")),
    "progress": Kind("progress", Progress, "float", _progress),
    "timetracking": Kind("time tracking", Tracking, "text", _tracking),
    "group": replace(_NAMED, name="group", store="text"),
    "version": replace(_NAMED, name="version"),
    **{
        name: replace(_NAMED, name=name)
        for name in ("issuetype", "priority", "resolution", "project", "securitylevel")
    },
}
_BY_ITEMS: dict[str, Kind] = {
    "string": Kind("text list", list[str], "list", tuple),
    "option": _list("option list", Option, _option),
    "user": Kind("user list", list[User], "list", _users, people=True),
    "issuelinks": Kind("link list", list[Link], "list", _present(_link)),
    "attachment": _list("attachment list", Attachment, attrgetter("filename")),
    **{name: _list(f"{name} list", Named, _NAME) for name in ("version", "component", "group")},
}
_WORKLOG = Kind("worklogs", Worklogs | list[Work], "list", _worklogs, "worklog", people=True)
_SUBTASKS = _list("issue list", Issue, attrgetter("key"))
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
    if (field.custom or "").startswith(_ASSET_FIELDS):
        return _ASSETS
    if field.id == "subtasks":
        return _SUBTASKS
    if field.type == "array":
        if field.items == "worklog":
            return _WORKLOG
        return _BY_ITEMS.get(field.items or "") or Kind("list", Any, "list", listed)
    if field.type == "number" and field.custom is None:
        return Kind("whole number", int, "int")
    if field.type == "string":
        return _rich(rich, markup) if is_rich(field) else _TEXT
    return _BY_TYPE.get(field.type, _ANY)


def is_rich(field: Field) -> bool:
    """Tell whether a field holds formatted text."""
    return field.type == "string" and (field.id in _RICH_IDS or (field.custom or "").endswith(":textarea"))


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


def flatten(kind: Kind, value: Any, name: NameOf = name_of) -> Any:
    """Make any decoded JSON value flat: by its kind if it fits, else as plainly as possible.

    Parameters
    ----------
    name : callable
        What a person is called.
    """
    if value is None:
        return None
    try:
        return _flat(kind, msgspec.convert(value, kind.type, strict=False), name)
    except msgspec.ValidationError:
        if kind.store != "list":
            return plain(value)
    cells: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        # One odd item leaves the others as they are.
        try:
            cells += _flat(kind, msgspec.convert([item], kind.type, strict=False), name)
        except msgspec.ValidationError:
            cells += listed(item)
    return tuple(cells)


def _flat(kind: Kind, typed: Any, name: NameOf) -> Any:
    if kind.flat is None:
        return typed
    return kind.flat(typed, name) if kind.people else kind.flat(typed)
