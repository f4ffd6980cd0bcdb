"""Every field JQL knows here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from schedkit.demo.jql import compare, dates, resolve
from schedkit.demo.jql.meaning import EQUALITY, ORDERED, TEXT, Meaning, Reader, Resolve
from schedkit.demo.jql.tree import JqlError
from schedkit.demo.text import plain
from schedkit.demo.world import catalog as c
from schedkit.demo.world import fields as f
from schedkit.demo.world.model import Issue, User

Texts = Callable[[Reader, Issue], str]


def one(get: Callable[[Issue], Any]) -> Callable[[Issue], tuple[Any, ...]]:
    """Values of a field that holds one or none."""

    def values(issue: Issue) -> tuple[Any, ...]:
        found = get(issue)
        return () if found is None else (found,)

    return values


def _rank_of(pool: Iterable[Any]) -> Callable[[Any], Any]:
    ranks = {item: n for n, item in enumerate(pool)}
    return lambda item: None if item is None else ranks[item]


_priority_rank = _rank_of(reversed(c.PRIORITIES))
_STATUS_RANKS = {status.id: n for n, status in enumerate(c.STATUSES)}


def _status_rank(status: Any) -> Any:
    # Those a project got of its own come last, in the order in which they were made.
    return _STATUS_RANKS.get(status.id, len(_STATUS_RANKS) + status.id)


def _choice(get: Callable[[Issue], Any], read: Resolve, key: Callable[[Any], Any]) -> Meaning:
    return Meaning(EQUALITY, one(get), read, lambda i: key(get(i)))


def _name(item: Any) -> Any:
    return None if item is None else item.name.casefold()


def _shown(user: User | None) -> Any:
    return None if user is None else (user.display or "").casefold()


def _date(get: Callable[[Issue], int | None]) -> Meaning:
    return Meaning(ORDERED, one(get), resolve.literal, get, compare.instants(get))


def _number_field(get: Callable[[Issue], float | None]) -> Meaning:
    return Meaning(ORDERED, one(get), resolve.number, get, compare.numbers(get))


def _span(get: Callable[[Issue], int | None]) -> Meaning:
    return Meaning(ORDERED, one(get), resolve.span, get, compare.numbers(get, resolve.span))


def _day(get: Callable[[Issue], str | None]) -> Meaning:
    return Meaning(ORDERED, one(get), resolve.literal, get, compare.days(get))


def _text(reader: Reader, get: Texts, sort: Callable[[Issue], Any] | None = None) -> Meaning:
    def values(issue: Issue) -> tuple[str, ...]:
        text = get(reader, issue)
        return (text,) if text else ()

    return Meaning(TEXT, values, resolve.literal, sort, compare.texts(get))


def _summary(reader: Reader, issue: Issue) -> str:
    return issue.summary


def _description(reader: Reader, issue: Issue) -> str:
    return plain(reader.store.description(issue) or "")


def _comments(reader: Reader, issue: Issue) -> str:
    return "\n".join(plain(comment.text) for comment in reader.store.comments(issue))


def _everything(reader: Reader, issue: Issue) -> str:
    return "\n".join(part(reader, issue) for part in (_summary, _description, _comments))


_TEXTS: dict[str, Texts] = {
    "summary": _summary,
    "description": _description,
    "comment": _comments,
    "text": _everything,
}


_KEY = Meaning(
    ORDERED, lambda i: (i.id,), resolve.issue_of, lambda i: (i.project.key, i.number), compare.key_range
)

SYSTEM: dict[str, Meaning] = {
    "key": _KEY,
    "project": _choice(lambda i: i.project, resolve.project, lambda p: p.key),
    "issuetype": _choice(lambda i: i.type, resolve.among(c.TYPES), _name),
    "status": _choice(lambda i: i.status, resolve.status, _status_rank),
    "statuscategory": _choice(
        lambda i: i.status.category, resolve.category, lambda key: resolve.CATEGORIES[key][0]
    ),
    "priority": Meaning(
        ORDERED, one(lambda i: i.priority), resolve.among(c.PRIORITIES), lambda i: _priority_rank(i.priority),
        compare.ranks(lambda i: i.priority, resolve.among(c.PRIORITIES), _priority_rank),
    ),
    "resolution": _choice(lambda i: i.resolution, resolve.among(c.RESOLUTIONS), _name),
    "assignee": _choice(lambda i: i.assignee, resolve.user, _shown),
    "reporter": _choice(lambda i: i.reporter, resolve.user, _shown),
    "creator": _choice(lambda i: i.reporter, resolve.user, _shown),
    "labels": Meaning(
        EQUALITY, lambda i: i.labels, resolve.literal, lambda i: i.labels or None
    ),
    "component": Meaning(EQUALITY, lambda i: i.components, resolve.from_projects("components"), None),
    "fixversion": Meaning(
        EQUALITY, lambda i: i.fix_versions, resolve.from_projects("versions"), None
    ),
    "affectedversion": Meaning(
        EQUALITY, lambda i: i.versions, resolve.from_projects("versions"), None
    ),
    "sprint": Meaning(EQUALITY, lambda i: i.sprints, resolve.sprint, None),
    "created": _date(lambda i: i.created),
    "updated": _date(lambda i: i.updated),
    "resolved": _date(lambda i: i.resolved),
    "due": _day(lambda i: i.due),
    "lastviewed": _date(lambda i: None if i.seed % 5 else i.updated),
    "statuscategorychangeddate": _date(lambda i: i.resolved or i.updated),
    "attachments": Meaning(("is", "is not"), lambda i: (), resolve.literal, None),
    "votes": _number_field(lambda i: float(i.seed % 4)),
    "watchers": _number_field(lambda i: float(i.seed % 7)),
    "timespent": _span(lambda i: i.spent),
    "originalestimate": _span(lambda i: i.estimate),
    "remainingestimate": _span(lambda i: i.left),
}  # fmt: skip
_ALIASES = {
    "id": "key", "issue": "key", "issuekey": "key", "type": "issuetype", "createddate": "created",
    "updateddate": "updated", "resolutiondate": "resolved", "duedate": "due", "components": "component",
    "fixversions": "fixversion",
}  # fmt: skip


def meaning(reader: Reader, name: str, op: str = "") -> Meaning:
    """The meaning of a field by its JQL name, alias, ``cf[10020]`` or custom field name.

    Of several custom fields of one name, the first that takes `op`.

    Raises
    ------
    JqlError
        Where the site has no such field.
    """
    folded = name.casefold()
    folded = _ALIASES.get(folded, folded)
    if folded == "parent":
        return Meaning(EQUALITY, partial(_parents, reader), resolve.issue_of, None)
    if folded == "worklogauthor":
        return Meaning(EQUALITY, partial(_worklog_authors, reader), resolve.user, None)
    if folded == "worklogdate":
        days = compare.days_of_many(_worklog_days)
        return Meaning(ORDERED, partial(_worklog_days, reader), resolve.literal, None, days)
    if folded in _TEXTS:
        sort = _folded_summary if folded == "summary" else None
        return _text(reader, _TEXTS[folded], sort)
    if folded in SYSTEM:
        return SYSTEM[folded]
    wanted = re.sub(r"cf\[(\d+)\]", r"customfield_\1", folded)
    found = [
        _custom(reader, field)
        for field in f.CUSTOM
        if (field_id := field.cloud if reader.cloud else field.dc) is not None
        and wanted in (field_id, field.name.casefold())
    ]
    if not found:
        raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
    return next((made for made in found if op in made.operators), found[0])


def _folded_summary(issue: Issue) -> str:
    return issue.summary.casefold()


def _parents(reader: Reader, issue: Issue) -> tuple[int, ...]:
    if issue.parent is None or (not reader.cloud and issue.type.level >= 0):
        return ()
    return (issue.parent,)


def _worklog_authors(reader: Reader, issue: Issue) -> tuple[User, ...]:
    return tuple(log.author for log in reader.store.worklogs(issue) if log.author is not None)


def _worklog_days(reader: Reader, issue: Issue) -> tuple[str, ...]:
    return tuple(dates.day(log.started, reader.zone) for log in reader.store.worklogs(issue))


def _linked_at(level: int) -> Callable[[Issue], tuple[int, ...]]:
    return lambda i: (i.parent,) if i.parent is not None and i.type.level == level else ()


def _custom(reader: Reader, field: f.Field) -> Meaning:
    slug = field.slug
    if slug == "epic_link":
        return Meaning(EQUALITY, _linked_at(0), resolve.issue_of, None)
    if slug == "parent_link":
        return Meaning(EQUALITY, _linked_at(1), resolve.issue_of, None)
    if slug == "sprint":
        return SYSTEM["sprint"]
    if slug == "rank":
        return Meaning((), lambda i: (), resolve.literal, lambda i: i.id)

    def get(issue: Issue) -> Any:
        return issue.custom.get(slug)

    def many(issue: Issue) -> Any:
        return issue.custom.get(slug) or ()

    match field.kind:
        case "number":
            return _number_field(get)
        case "datetime":
            return _date(get)
        case "date":
            return _day(get)
        case "select":
            return Meaning(EQUALITY, one(get), resolve.option(slug), get)
        case "multiselect":
            return Meaning(EQUALITY, many, resolve.option(slug), None)
        case "cascading":
            return Meaning(EQUALITY, _cascade(slug), resolve.option(slug), None)
        case "user":
            return _choice(get, resolve.user, _shown)
        case "users":
            return Meaning(EQUALITY, many, resolve.user, None)
        case "labels":
            return Meaning(EQUALITY, many, resolve.literal, None)
        case "versions":
            return Meaning(EQUALITY, many, resolve.from_projects("versions"), None)
        case "group":
            return Meaning(EQUALITY, one(get), resolve.literal, get)
        case _:
            return _text(reader, lambda _, issue: plain(issue.custom.get(slug) or ""), get)


def _cascade(slug: str) -> Callable[[Issue], tuple[str, ...]]:
    def values(issue: Issue) -> tuple[str, ...]:
        pair = issue.custom.get(slug)
        if pair is None:
            return ()
        return (pair[0],) if pair[1] is None else (pair[0], "/".join(pair))

    return values
