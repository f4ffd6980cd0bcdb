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
    "flatten",
    "is_rich",
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
    endpoint : str
        Below an issue's address, where the whole list is read page by page; the issue itself may show only a
        part.
    """

    name: str
    type: Any
    store: str
    flat: Callable[[Any], Any] | None = None
    endpoint: str = ""

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


def _said(author: User | None, words: str) -> str:
    name = (author.displayName or name_of(author)) if author else None
    return f"{name}: {words}" if name else words


def _comments(page: Comments) -> tuple[str, ...]:
    return tuple(
        [_said(c.author, c.body if isinstance(c.body, str) else adf.to_text(c.body)) for c in page.items]
    )


def _worklogs(page: Worklogs) -> tuple[str, ...]:
    return tuple([_said(work.author, work.timeSpent) for work in page.items])


def _sprint(sprint: Named | str) -> str:
    return sprint_name(sprint) if isinstance(sprint, str) else sprint.name


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


def _asset(asset: Asset) -> str | None:
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
_ASSETS = Kind("object list", list[Asset], "list", _present(_asset))
_ASSET_FIELDS = ("com.atlassian.jira.plugins.cmdb:cmdb-object-cftype",)
_SPRINT = _list("sprint", Named | str, _sprint)
_PARENT_LINK = Kind(
    "issue", str | ParentData, "text", lambda v: v if isinstance(v, str) else (v.data.key if v.data else None)
)

_BY_TYPE: dict[str, Kind] = {
    "status": Kind("status", Status, "category", attrgetter("name")),
    "user": Kind("user", User, "text", name_of),
    "option": Kind("option", Option, "category", _option),
    "option-with-child": Kind("cascading option", Option, "category", _option),
    "datetime": Kind("datetime", str, "datetime"),
    "date": Kind("date", str, "date"),
    "number": Kind("number", float, "float"),
    "issuelink": PARENT,
    "votes": Kind("votes", Votes, "int", attrgetter("votes")),
    "watches": Kind("watches", Watches, "int", attrgetter("watchCount")),
    "comments-page": Kind("comments", Comments, "list", _comments, "comment"),
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
    "user": Kind("user list", list[User], "list", _present(name_of)),
    "issuelinks": Kind("link list", list[Link], "list", _present(_link)),
    "attachment": _list("attachment list", Attachment, attrgetter("filename")),
    **{name: _list(f"{name} list", Named, _NAME) for name in ("version", "component", "group")},
}
_WORKLOG = Kind("worklogs", Worklogs, "list", _worklogs, "worklog")
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
    if field.custom in _ASSET_FIELDS:
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


def flatten(kind: Kind, value: Any) -> Any:
    """Make any decoded JSON value flat: by its kind if it fits, else as plainly as possible."""
    if value is None:
        return None
    try:
        typed = msgspec.convert(value, kind.type, strict=False)
    except msgspec.ValidationError:
        return listed(value) if kind.store == "list" else plain(value)
    return kind.flat(typed) if kind.flat else typed
