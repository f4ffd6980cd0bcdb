"""What the screens of an issue offer: which fields may be set, to which values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schedkit.demo.jira import write
from schedkit.demo.jira.face import Values
from schedkit.demo.world import catalog as c
from schedkit.demo.world.fields import OPTIONS, Field
from schedkit.demo.world.model import Issue, IssueType, Project, Status

__all__ = ["create_screen", "edit_screen", "transition_screen"]

# What the screen of a transition shows besides the resolution.
_ON_THE_WAY = ("assignee", "components", "fixVersions", "platforms", "reviewers", "cause")


def edit_screen(values: Values, issue: Issue) -> dict[str, Any]:
    """The fields of an issue's edit screen, by id."""
    return {
        field_id: _described(values, field_id, field, issue.project)
        for field_id, field in values.fields
        if write.can_set(field) and field.slug != _other_points(issue)
    }


def create_screen(values: Values, project: Project, kind: IssueType) -> list[dict[str, Any]]:
    """The fields of the screen on which an issue of a type is created in a project."""
    fixed = {"project": values.project(project), "issuetype": values.issue_type(kind)}
    rows: list[dict[str, Any]] = []
    for field_id, field in values.fields:
        if field.slug in fixed or write.can_set(field):
            about = {"hasDefaultValue": False, **_described(values, field_id, field, project)}
            about |= {"allowedValues": [fixed[field.slug]]} if field.slug in fixed else {}
            rows.append({**about, "required": field.slug in (*fixed, "summary"), "fieldId": field_id})
    return rows


def transition_screen(values: Values, status: Status, project: Project) -> dict[str, Any]:
    """The fields of the screen on the way into a status; only the done ones have a screen."""
    if status.category != "done":
        return {}
    screen: dict[str, dict[str, Any]] = {
        "resolution": {
            "required": status.name == "Closed",
            "hasDefaultValue": False,
            "name": "Resolution",
            "schema": {"type": "resolution", "system": "resolution"},
            "operations": ["set"],
            "allowedValues": list(map(values.resolution, c.RESOLUTIONS)),
        },
    }
    if values.dialect.cloud:
        screen["resolution"]["key"] = "resolution"
    for field_id, field in values.fields:
        if field.slug in _ON_THE_WAY:
            screen[field_id] = _described(values, field_id, field, project)
    return screen


def _other_points(issue: Issue) -> str:
    """The field for story points that this issue's kind of project does not show."""
    return "points" if issue.custom.get("estimate") is not None else "estimate"


def _described(values: Values, field_id: str, field: Field, project: Project) -> dict[str, Any]:
    made: dict[str, Any] = {
        "required": field.slug == "summary",
        "schema": dict(field.schema or ()),
        "name": field.name,
        "operations": ["set"],
    }
    if values.dialect.cloud:
        made["key"] = field_id
    allowed = _allowed(values, field, project)
    return made if allowed is None else made | {"allowedValues": list(allowed)}


def _allowed(values: Values, field: Field, project: Project) -> Iterable[dict[str, Any]] | None:
    if field.slug == "priority":
        return map(values.priority, c.PRIORITIES)
    if field.slug == "components":
        return map(values.component, project.components)
    if field.kind in ("version", "versions"):
        return map(values.version, project.versions)
    if field.kind in ("select", "multiselect"):
        return (values.option(field.slug, name) for name in OPTIONS[field.slug])
    if field.kind == "cascading":
        return _cascade(values, field)
    return None


def _cascade(values: Values, field: Field) -> Iterable[dict[str, Any]]:
    """The options of a field, each with those below it."""
    names = OPTIONS[field.slug]
    for parent in names:
        if "/" not in parent:
            below = [values.option(field.slug, name) for name in names if name.startswith(f"{parent}/")]
            yield values.option(field.slug, parent) | ({"children": below} if below else {})
