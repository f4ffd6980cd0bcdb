"""Edits and transitions as they come over the wire, turned into changes of the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from schedkit.demo.jira import estimates
from schedkit.demo.jira.face import Values
from schedkit.demo.store import Store
from schedkit.demo.world import catalog as c
from schedkit.demo.world import fields as f
from schedkit.demo.world.model import Change, Issue, Status, User


class RefusedError(Exception):
    """A value the site does not accept; the message is keyed by the field's id."""


def transitions(issue: Issue) -> list[tuple[int, Status]]:
    """The transitions of an issue: any status of its project's workflow but its own."""
    flow = issue.project.statuses
    return [(11 + 10 * n, status) for n, status in enumerate(flow) if status is not issue.status]


def on_the_way(
    store: Store, values: Values, issue: Issue, status: Status, body: dict[str, Any]
) -> dict[str, str]:
    """Carry out a transition with what its screen sets; returns the errors by field, if nothing was done."""
    fields = dict(body.get("fields") or {})
    given = fields.pop("resolution", None)
    errors: dict[str, str] = {}
    resolution = None
    if given is not None:
        found = [r for r in c.RESOLUTIONS if r.name == given.get("name") or str(r.id) == str(given.get("id"))]
        if not found or status.category != "done":
            return {"resolution": "Field 'resolution' cannot be set to that value on this screen."}
        resolution = found[0]
    elif status.name == "Closed":
        return {"resolution": "Resolution is required."}
    if fields:
        errors = edit(store, values, issue, {"fields": fields})
    if errors:
        return errors
    store.transition(issue.key, status, resolution=resolution)
    for operation in (body.get("update") or {}).get("comment") or ():
        store.comment(issue.key, operation["add"]["body"])
    return {}


def can_set(field: f.Field) -> bool:
    """Whether an edit may set a field."""
    return (field.kind in _CUSTOM) if field.custom else (field.slug in _SYSTEM)


def edit(store: Store, values: Values, issue: Issue, body: Any) -> dict[str, str]:
    """Carry out a PUT body; returns the errors by field, and then nothing was changed."""
    by_id = dict(values.fields)
    errors: dict[str, str] = {}
    wanted: dict[str, Any] = {}
    for name, operations in (body.get("update") or {}).items():
        field = by_id.get(name)
        if field is None or field.slug != "labels":
            errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            continue
        labels = list(issue.labels)
        for operation in operations:
            if "set" in operation:
                labels = list(operation["set"])
            elif "add" in operation:
                labels.append(operation["add"])
            elif operation.get("remove") in labels:
                labels.remove(operation["remove"])
        wanted["labels"] = tuple(sorted(set(labels)))
    custom: dict[str, Any] = {}
    for name, value in (body.get("fields") or {}).items():
        field = by_id.get(name)
        reader = (
            None if field is None else (_CUSTOM.get(field.kind) if field.custom else _SYSTEM.get(field.slug))
        )
        if field is None or reader is None:
            errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            continue
        try:
            read = reader(store, issue, value, field.slug)
        except RefusedError as refusal:
            errors[name] = str(refusal)
            continue
        except (AttributeError, TypeError):
            errors[name] = f"data of field '{name}' is not of the type it takes"
            continue
        if field.custom:
            custom[field.slug] = read
        else:
            wanted[_ATTRIBUTES.get(field.slug, field.slug)] = read
    if errors:
        return errors
    if custom:
        wanted["custom"] = custom
    tracked = wanted.pop("timetracking", {})
    was = {slug: getattr(issue, slug) for slug in wanted if slug != "custom"}
    was |= {slug: issue.custom.get(slug) for slug in custom}
    if "description" in was:
        was["description"] = store.description(issue)
    changes = [change for slug in was for change in _changes(slug, was[slug], (wanted | custom)[slug])]
    changes += estimates.changes(issue, tracked)
    if wanted or tracked:
        store.edit(issue.key, *changes, **wanted, **tracked)
    return {}


_ATTRIBUTES = {"duedate": "due", "fixVersions": "fix_versions"}
_ELEMENTS = {
    "components": ("Component", "components"),
    "fix_versions": ("Fix Version", "fixVersions"),
    "versions": ("Version", "versions"),
}


def _changes(slug: str, was: Any, now: Any) -> list[Change]:
    """The items of a changelog: one for each element of components and versions, else one for the value."""
    if was == now:
        return []
    if slug in _ELEMENTS:
        name, field_id = _ELEMENTS[slug]
        gone = [Change(name, field_id, _id(each), _text(each), None, None) for each in was if each not in now]
        new = [Change(name, field_id, None, None, _id(each), _text(each)) for each in now if each not in was]
        return gone + new
    field_id = "duedate" if slug == "due" else slug
    custom = slug in f.BY_SLUG and f.BY_SLUG[slug].custom
    name = f.BY_SLUG[slug].name if custom else field_id
    return [Change(name, field_id, _id(was), _text(was), _id(now), _text(now))]


def _id(value: Any) -> str | None:
    if isinstance(value, User):
        return value.account_id
    return str(value.id) if hasattr(value, "id") else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, User):
        return value.display
    if isinstance(value, tuple):
        return " ".join(_text(item) or "" for item in value)
    return str(getattr(value, "name", value))


# Readers: value on the wire → value of the store -----------------------------------

Read = Callable[[Store, Issue, Any, str], Any]


def _summary(store: Store, issue: Issue, value: Any, slug: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RefusedError("You must specify a summary of the issue.")
    if "\n" in value or "\r" in value:
        raise RefusedError("The summary is invalid because it contains newline characters.")
    if len(value) > 255:
        raise RefusedError("Summary can't exceed 255 characters.")
    return value


def _rich(store: Store, issue: Issue, value: Any, slug: str) -> Any:
    if value is not None and not isinstance(value, str | dict):
        raise RefusedError(
            "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
        )
    return value if value is not None else ""


def _named(pool: tuple[Any, ...], what: str) -> Read:
    def read(store: Store, issue: Issue, value: Any, slug: str) -> Any:
        if value is None:
            return None
        for item in pool:
            if str(item.id) == str(value.get("id")) or item.name == value.get("name"):
                return item
        raise RefusedError(f"The {what} selected is invalid.")

    return read


def _user(store: Store, issue: Issue, value: Any, slug: str) -> User | None:
    if value is None:
        return None
    wanted = value.get("accountId") or value.get("name") or value.get("id")
    for user in store.catalog.users:
        if wanted in (user.account_id, user.name) and user.active:
            return user
    raise RefusedError(f"User '{wanted}' does not exist.")


def _users(store: Store, issue: Issue, value: Any, slug: str) -> Any:
    found = [_user(store, issue, entry, slug) for entry in value or ()]
    return tuple(found) or None


def _labels(store: Store, issue: Issue, value: Any, slug: str) -> tuple[str, ...]:
    for label in value or ():
        if " " in label:
            raise RefusedError(f"The label '{label}' contains spaces which is invalid.")
    return tuple(sorted(set(value or ())))


def _parts(attribute: str, what: str) -> Read:
    def read(store: Store, issue: Issue, value: Any, slug: str) -> tuple[Any, ...]:
        pool = getattr(issue.project, attribute)
        one = _named(pool, what)
        return tuple(one(store, issue, entry, slug) for entry in value or ())

    return read


def _day(store: Store, issue: Issue, value: Any, slug: str) -> str | None:
    try:
        return None if value is None else date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise RefusedError(f"Error parsing date string: {value}") from None


def _number(store: Store, issue: Issue, value: Any, slug: str) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise RefusedError("Operation value must be a number")
    return None if value is None else float(value)


def _tracking(store: Store, issue: Issue, value: Any, slug: str) -> dict[str, int]:
    try:
        return estimates.read(issue, value)
    except ValueError as error:
        raise RefusedError(f"Specified duration is not valid: {error}") from None


def _string(store: Store, issue: Issue, value: Any, slug: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise RefusedError("Operation value must be a string")
    return value


def _option(store: Store, issue: Issue, value: Any, slug: str) -> str | None:
    if value is None:
        return None
    for name, number in f.OPTIONS[slug].items():
        if name == value.get("value") or str(number) == str(value.get("id")):
            return name
    raise RefusedError(f"Option value '{value.get('value')}' is not valid")


def _options(store: Store, issue: Issue, value: Any, slug: str) -> Any:
    return tuple(_option(store, issue, entry, slug) for entry in value or ()) or None


def _cascading(store: Store, issue: Issue, value: Any, slug: str) -> Any:
    if value is None:
        return None
    parent = _option(store, issue, value, slug)
    child = value.get("child")
    if child is None:
        return (parent, None)
    named = _option(store, issue, {"value": f"{parent}/{child.get('value')}", "id": child.get("id")}, slug)
    return (parent, str(named).rpartition("/")[2])


def _tags(store: Store, issue: Issue, value: Any, slug: str) -> Any:
    return _labels(store, issue, value, slug) or None


_SYSTEM: dict[str, Read] = {
    "summary": _summary,
    "description": _rich,
    "priority": _named(c.PRIORITIES, "priority"),
    "assignee": _user,
    "reporter": _user,
    "labels": _labels,
    "components": _parts("components", "component"),
    "fixVersions": _parts("versions", "version"),
    "versions": _parts("versions", "version"),
    "duedate": _day,
    "timetracking": _tracking,
}
_CUSTOM: dict[str, Read] = {
    "number": _number,
    "text": _string,
    "url": _string,
    "textarea": _rich,
    "date": _day,
    "select": _option,
    "multiselect": _options,
    "cascading": _cascading,
    "user": _user,
    "users": _users,
    "labels": _tags,
}
