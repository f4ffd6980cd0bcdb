"""What a JQL field means: how its values are found, which operators it takes, how it compares and sorts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from schedkit.demo.jql import dates
from schedkit.demo.jql.tree import Call, Clause, JqlError, Operand, UnknownValueError, Value
from schedkit.demo.store import Store
from schedkit.demo.world import catalog as c
from schedkit.demo.world import fields as f
from schedkit.demo.world.model import Issue, User

Test = Callable[[Issue], bool]
_EQUALITY = ("=", "!=", "in", "not in", "is", "is not")
_ORDERED = (*_EQUALITY, "<", ">", "<=", ">=")
_TEXT = ("~", "!~", "is", "is not")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, when, and on which dialect.

    `forgiven` collects what a lenient query overlooks; None for a strict one.
    """

    store: Store
    user: User
    zone: ZoneInfo
    now: int
    cloud: bool
    forgiven: list[str] | None = None


@dataclass(frozen=True)
class Meaning:
    """One field: `values` of an issue (empty: none), `resolve` a literal to values, `key` to sort by."""

    operators: tuple[str, ...]
    values: Callable[[Issue], Iterable[Any]]
    resolve: Callable[[Reader, str, str], Iterable[Any]]
    key: Callable[[Issue], Any] | None
    compare: Callable[[Reader, Clause], Test] | None = None


def one(get: Callable[[Issue], Any]) -> Callable[[Issue], tuple[Any, ...]]:
    def values(issue: Issue) -> tuple[Any, ...]:
        found = get(issue)
        return () if found is None else (found,)

    return values


def _missing(value: str, field: str) -> UnknownValueError:
    return UnknownValueError(f"The value '{value}' does not exist for the field '{field}'.")


def _among(items: Iterable[Any]) -> Callable[[Reader, str, str], Iterable[Any]]:
    """Resolve by name in any case, or by id."""
    pool = tuple(items)

    def resolve(reader: Reader, text: str, field: str) -> list[Any]:
        wanted = text.casefold()
        found = [item for item in pool if item.name.casefold() == wanted]
        found = found or [item for item in pool if str(item.id) == text]
        if not found:
            raise _missing(text, field)
        return found

    return resolve


def _project(reader: Reader, text: str, field: str) -> list[Any]:
    found = reader.store.project(text)
    if found is None:
        raise _missing(text, field)
    return [found]


def _from_projects(part: str) -> Callable[[Reader, str, str], Iterable[Any]]:
    def resolve(reader: Reader, text: str, field: str) -> Iterable[Any]:
        projects = [p for p in reader.store.catalog.projects if not p.hidden]
        return _among(item for p in projects for item in getattr(p, part))(reader, text, field)

    return resolve


def _sprint(reader: Reader, text: str, field: str) -> Iterable[Any]:
    return _among(s for group in reader.store.catalog.sprints.values() for s in group)(reader, text, field)


def _category(reader: Reader, text: str, field: str) -> list[str]:
    for key, (number, _, name) in CATEGORIES.items():
        if text.casefold() in (key, name.casefold(), str(number)):
            return [key]
    raise _missing(text, field)


CATEGORIES = {"new": (2, "", "To Do"), "indeterminate": (4, "", "In Progress"), "done": (3, "", "Done")}


def _user(reader: Reader, text: str, field: str) -> list[User]:
    wanted = text.casefold()
    for user in reader.store.catalog.users:
        names = (user.account_id, user.display) if reader.cloud else (user.name, user.display)
        if wanted in (name.casefold() for name in (*names, user.email) if name):
            return [user]
    raise _missing(text, field)


def _literal(reader: Reader, text: str, field: str) -> list[str]:
    return [text]


def _folded(reader: Reader, text: str, field: str) -> list[str]:
    return [text.casefold()]


def _number(reader: Reader, text: str, field: str) -> list[float]:
    try:
        return [float(text)]
    except ValueError:
        raise JqlError(f"Value '{text}' is not a number for the field '{field}'.") from None


def _option(slug: str) -> Callable[[Reader, str, str], Iterable[Any]]:
    def resolve(reader: Reader, text: str, field: str) -> list[str]:
        for name, number in f.OPTIONS[slug].items():
            if text.casefold() == name.casefold() or text == str(number):
                return [name]
        raise UnknownValueError(f"The option '{text}' for field '{field}' does not exist.")

    return resolve


# Keys and parents ------------------------------------------------------------


def _issue(reader: Reader, text: str, field: str) -> list[int]:
    issue = reader.store.find(text)
    if issue is None:
        if text.isdigit():
            raise UnknownValueError(f"A value with ID '{text}' does not exist for the field '{field}'.")
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*-\d+", text) is None:
            raise JqlError(f"The issue key '{text}' for field '{field}' is invalid.")
        raise UnknownValueError(f"An issue with key '{text}' does not exist for field '{field}'.")
    return [issue.id]


def _key_range(reader: Reader, clause: Clause) -> Test:
    """`key > X-10` looks the issue up, by key or id, and means later keys of the same project."""
    operand = clause.operands[0]
    if not isinstance(operand, Value):
        raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
    edge = reader.store.issues[_issue(reader, operand.text, clause.field)[0]]
    number, project = edge.number, edge.project
    if clause.op == ">":
        return lambda i: i.project is project and i.number > number
    if clause.op == ">=":
        return lambda i: i.project is project and i.number >= number
    if clause.op == "<":
        return lambda i: i.project is project and i.number < number
    return lambda i: i.project is project and i.number <= number


# Dates and numbers -----------------------------------------------------------


def _moment(reader: Reader, operand: Operand, field: str) -> int:
    found = None
    if isinstance(operand, Value):
        found = dates.instant(operand.text, reader.now, reader.zone)
        if found is None:
            raise JqlError(
                f"Date value '{operand.text}' for field '{field}' is invalid. Valid formats include: "
                "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. "
                "'-5d', '4w 2d'."
            )
    elif isinstance(operand, Call):
        found = dates.function(operand.name, operand.args, reader.now, reader.zone)
        if found is None:
            raise JqlError(f"Unable to find JQL function '{operand.name}({', '.join(operand.args)})'.")
    if found is None:
        raise JqlError(f"The field '{field}' does not support EMPTY with this operator.")
    return found


def _instants(get: Callable[[Issue], int | None]) -> Callable[[Reader, Clause], Test]:
    """Compare date-times as the index holds them: to the second, so that milliseconds are cut off."""

    def compare(reader: Reader, clause: Clause) -> Test:
        edge = _moment(reader, clause.operands[0], clause.field) // 1000
        return _comparison(clause.op, edge, lambda i: None if (at := get(i)) is None else at // 1000)

    return compare


def _days(get: Callable[[Issue], str | None]) -> Callable[[Reader, Clause], Test]:
    def compare(reader: Reader, clause: Clause) -> Test:
        at = _moment(reader, clause.operands[0], clause.field)
        return _comparison(clause.op, dates.day(at, reader.zone), get)

    return compare


def _numbers(get: Callable[[Issue], float | None]) -> Callable[[Reader, Clause], Test]:
    def compare(reader: Reader, clause: Clause) -> Test:
        operand = clause.operands[0]
        if not isinstance(operand, Value):
            raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
        return _comparison(clause.op, _number(reader, operand.text, clause.field)[0], get)

    return compare


def _comparison(op: str, edge: Any, get: Callable[[Issue], Any]) -> Test:
    if op == "<":
        return lambda i: (v := get(i)) is not None and v < edge
    if op == ">":
        return lambda i: (v := get(i)) is not None and v > edge
    if op == "<=":
        return lambda i: (v := get(i)) is not None and v <= edge
    if op == ">=":
        return lambda i: (v := get(i)) is not None and v >= edge
    if op == "!=":
        return lambda i: (v := get(i)) is not None and v != edge
    return lambda i: get(i) == edge


# Text ------------------------------------------------------------------------


def _texts(get: Callable[[Reader, Issue], str]) -> Callable[[Reader, Clause], Test]:
    """``~``: every word occurs (``word*`` as a prefix); a ``"\\"phrase\\""`` occurs as it stands."""

    def compare(reader: Reader, clause: Clause) -> Test:
        operand = clause.operands[0]
        if not isinstance(operand, Value):
            raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
        wanted = operand.text.casefold()
        phrases = re.findall(r'"([^"]+)"', wanted)
        words = re.findall(r"[\w]+\*?", re.sub(r'"[^"]*"', " ", wanted))
        if not phrases and not words:
            raise JqlError(
                f"The text query '{operand.text}' for field '{clause.field}' is not allowed to be empty."
            )
        patterns = [
            re.compile(r"\b" + re.escape(w[:-1]) if w.endswith("*") else rf"\b{re.escape(w)}\b")
            for w in words
        ]
        positive = clause.op == "~"

        def test(issue: Issue) -> bool:
            text = get(reader, issue).casefold()
            if not text:
                return False
            hit = all(p in text for p in phrases) and all(p.search(text) for p in patterns)
            return hit is positive

        return test

    return compare


def _summary(reader: Reader, issue: Issue) -> str:
    return issue.summary


def _description(reader: Reader, issue: Issue) -> str:
    text = reader.store.description(issue)
    return text if isinstance(text, str) else "" if text is None else str(text)


def _comments(reader: Reader, issue: Issue) -> str:
    return "\n".join(str(comment.text) for comment in reader.store.comments(issue))


def _everything(reader: Reader, issue: Issue) -> str:
    return "\n".join(part(reader, issue) for part in (_summary, _description, _comments))


def _nothing(issue: Issue) -> tuple[Any, ...]:
    return ()


# The table -------------------------------------------------------------------


def _rank_of(pool: Iterable[Any]) -> Callable[[Any], Any]:
    ranks = {item: n for n, item in enumerate(pool)}
    return lambda item: None if item is None else ranks[item]


_priority_rank = _rank_of(reversed(c.PRIORITIES))
_status_rank = _rank_of(c.STATUSES)


def _choice(get: Callable[[Issue], Any], resolve: Any, key: Callable[[Any], Any]) -> Meaning:
    return Meaning(_EQUALITY, one(get), resolve, lambda i: key(get(i)))


def _name(item: Any) -> Any:
    return None if item is None else item.name.casefold()


def _shown(user: User | None) -> Any:
    return None if user is None else (user.display or "").casefold()


def _date(get: Callable[[Issue], int | None]) -> Meaning:
    return Meaning(_ORDERED, one(get), _literal, get, _instants(get))


def _number_field(get: Callable[[Issue], float | None]) -> Meaning:
    return Meaning(_ORDERED, one(get), _number, get, _numbers(get))


def _text(get: Callable[[Reader, Issue], str], sort: Callable[[Issue], Any] | None = None) -> Meaning:
    return Meaning(_TEXT, _nothing, _literal, sort, _texts(get))


_KEY = Meaning(_ORDERED, lambda i: (i.id,), _issue, lambda i: (i.project.key, i.number), _key_range)
_DUE = Meaning(_ORDERED, one(lambda i: i.due), _literal, lambda i: i.due, _days(lambda i: i.due))

SYSTEM: dict[str, Meaning] = {
    "key": _KEY,
    "project": _choice(lambda i: i.project, _project, lambda p: p.key),
    "issuetype": _choice(lambda i: i.type, _among(c.TYPES), _name),
    "status": _choice(lambda i: i.status, _among(c.STATUSES), _status_rank),
    "statuscategory": _choice(lambda i: i.status.category, _category, lambda k: CATEGORIES[k][0]),
    "priority": _choice(lambda i: i.priority, _among(c.PRIORITIES), _priority_rank),
    "resolution": _choice(lambda i: i.resolution, _among(c.RESOLUTIONS), _name),
    "assignee": _choice(lambda i: i.assignee, _user, _shown),
    "reporter": _choice(lambda i: i.reporter, _user, _shown),
    "creator": _choice(lambda i: i.reporter, _user, _shown),
    "labels": Meaning(_EQUALITY, lambda i: i.labels, _literal, lambda i: i.labels or None),
    "component": Meaning(_EQUALITY, lambda i: i.components, _from_projects("components"), None),
    "fixversion": Meaning(_EQUALITY, lambda i: i.fix_versions, _from_projects("versions"), None),
    "affectedversion": Meaning(_EQUALITY, lambda i: i.versions, _from_projects("versions"), None),
    "sprint": Meaning(_EQUALITY, lambda i: i.sprints, _sprint, None),
    "created": _date(lambda i: i.created),
    "updated": _date(lambda i: i.updated),
    "resolved": _date(lambda i: i.resolved),
    "due": _DUE,
    "timespent": _number_field(lambda i: i.spent),
    "originalestimate": _number_field(lambda i: i.estimate),
    "summary": _text(_summary, lambda i: i.summary.casefold()),
    "description": _text(_description),
    "comment": _text(_comments),
    "text": _text(_everything),
}  # fmt: skip
SYSTEM["description"] = Meaning(_TEXT, _nothing, _literal, None, _texts(_description))
_ALIASES = {
    "id": "key", "issue": "key", "issuekey": "key", "type": "issuetype", "createddate": "created",
    "updateddate": "updated", "resolutiondate": "resolved", "duedate": "due", "components": "component",
    "fixversions": "fixversion",
}  # fmt: skip


def meaning(reader: Reader, name: str) -> Meaning:
    """The meaning of a field by its JQL name, alias, ``cf[10020]`` or custom field name.

    Raises
    ------
    JqlError
        Where the site has no such field.
    """
    folded = name.casefold()
    folded = _ALIASES.get(folded, folded)
    if folded == "parent":
        return Meaning(_EQUALITY, partial(_parents, reader), _issue, None)
    if folded in SYSTEM:
        return SYSTEM[folded]
    wanted = re.sub(r"cf\[(\d+)\]", r"customfield_\1", folded)
    for field in f.CUSTOM:
        field_id = field.cloud if reader.cloud else field.dc
        if field_id is not None and wanted in (field_id, field.name.casefold()):
            return _custom(field)
    raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")


def _parents(reader: Reader, issue: Issue) -> tuple[int, ...]:
    if issue.parent is None or (not reader.cloud and issue.type.level >= 0):
        return ()
    return (issue.parent,)


def _linked_at(level: int) -> Callable[[Issue], tuple[int, ...]]:
    return lambda i: (i.parent,) if i.parent is not None and i.type.level == level else ()


def _custom(field: f.Field) -> Meaning:
    slug = field.slug
    if slug == "epic_link":
        return Meaning(_EQUALITY, _linked_at(0), _issue, None)
    if slug == "parent_link":
        return Meaning(_EQUALITY, _linked_at(1), _issue, None)
    if slug == "sprint":
        return SYSTEM["sprint"]
    if slug == "rank":
        return Meaning((), _nothing, _literal, lambda i: i.id)

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
            return Meaning(_ORDERED, one(get), _literal, get, _days(get))
        case "select":
            return Meaning(_EQUALITY, one(get), _option(slug), get)
        case "multiselect":
            return Meaning(_EQUALITY, many, _option(slug), None)
        case "cascading":
            return Meaning(_EQUALITY, _cascade(slug), _option(slug), None)
        case "user":
            return _choice(get, _user, _shown)
        case "users":
            return Meaning(_EQUALITY, many, _user, None)
        case "labels":
            return Meaning(_EQUALITY, many, _literal, None)
        case "versions":
            return Meaning(_EQUALITY, many, _from_projects("versions"), None)
        case "group":
            return Meaning(_EQUALITY, one(get), _literal, get)
        case _:
            return _text(lambda reader, issue: issue.custom.get(slug) or "", get)


def _cascade(slug: str) -> Callable[[Issue], tuple[str, ...]]:
    def values(issue: Issue) -> tuple[str, ...]:
        pair = issue.custom.get(slug)
        if pair is None:
            return ()
        return (pair[0],) if pair[1] is None else (pair[0], "/".join(pair))

    return values
