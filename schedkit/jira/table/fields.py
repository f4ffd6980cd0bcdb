"""A site's fields: what they are called, and what their values are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schedkit.errors import UnknownFieldError
from schedkit.values.text import did_you_mean

__all__ = ["Catalog", "Field"]

EPIC_LINK = "com.pyxis.greenhopper.jira:gh-epic-link"
PARENT_LINK = "com.atlassian.jpo:jpo-custom-field-parent"
SPRINT = "com.pyxis.greenhopper.jira:gh-sprint"
STORY_POINTS = "com.pyxis.greenhopper.jira:jsw-story-points"
# Jira Software gives both names to the same measure, by the kind of project.
STORY_POINT_NAMES = ("Story Points", "Story point estimate")

# (name, type, items) of the fields every Jira has, for answers that come without metadata.
SYSTEM: dict[str, tuple[str, str, str | None]] = {
    "summary": ("Summary", "string", None),
    "issuetype": ("Issue Type", "issuetype", None),
    "status": ("Status", "status", None),
    "priority": ("Priority", "priority", None),
    "resolution": ("Resolution", "resolution", None),
    "project": ("Project", "project", None),
    "assignee": ("Assignee", "user", None),
    "reporter": ("Reporter", "user", None),
    "creator": ("Creator", "user", None),
    "created": ("Created", "datetime", None),
    "updated": ("Updated", "datetime", None),
    "resolutiondate": ("Resolved", "datetime", None),
    "lastViewed": ("Last Viewed", "datetime", None),
    "statuscategorychangedate": ("Status Category Changed", "datetime", None),
    "duedate": ("Due date", "date", None),
    "parent": ("Parent", "issuelink", None),
    "labels": ("Labels", "array", "string"),
    "components": ("Component/s", "array", "component"),
    "fixVersions": ("Fix Version/s", "array", "version"),
    "versions": ("Affects Version/s", "array", "version"),
    "issuelinks": ("Linked Issues", "array", "issuelinks"),
    "subtasks": ("Sub-Tasks", "array", "issuelinks"),
    "attachment": ("Attachment", "array", "attachment"),
    "comment": ("Comment", "comments-page", None),
    "worklog": ("Log Work", "array", "worklog"),
    "description": ("Description", "string", None),
    "environment": ("Environment", "string", None),
    "security": ("Security Level", "securitylevel", None),
    "votes": ("Votes", "votes", None),
    "watches": ("Watchers", "watches", None),
    "progress": ("Progress", "progress", None),
    "aggregateprogress": ("Σ Progress", "progress", None),
    "timetracking": ("Time Tracking", "timetracking", None),
    "workratio": ("Work Ratio", "number", None),
    "timespent": ("Time Spent", "number", None),
    "timeestimate": ("Remaining Estimate", "number", None),
    "timeoriginalestimate": ("Original Estimate", "number", None),
    "aggregatetimespent": ("Σ Time Spent", "number", None),
    "aggregatetimeestimate": ("Σ Remaining Estimate", "number", None),
    "aggregatetimeoriginalestimate": ("Σ Original Estimate", "number", None),
}


# The id in the label of a column whose name is not enough.
_LABEL = re.compile(r"\(([^()]+)\)$")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a site.

    Parameters
    ----------
    id : str
        ``summary``, ``customfield_10010``.
    name : str
        As the site calls it, in its language.
    type : str
        The schema's type, e.g. ``string``, ``array``, ``option-with-child``; ``any`` if unknown.
    items : str or None
        Type of an array's elements.
    custom : str or None
        The plug-in's type of a custom field.
    """

    id: str
    name: str
    type: str = "any"
    items: str | None = None
    custom: str | None = None

    @classmethod
    def of(cls, id: str, name: str | None, schema: Mapping[str, Any] | None) -> Field:
        """Build a field from its id, its name and the schema an answer gives for it."""
        known = SYSTEM.get(id)
        schema = schema if isinstance(schema, Mapping) else {}
        kind, items = schema.get("type"), schema.get("items")
        if not isinstance(kind, str):
            kind, items = (known[1], known[2]) if known else ("any", None)
        custom = schema.get("custom")
        return cls(
            id,
            str(name or (known[0] if known else id)),
            kind,
            items if isinstance(items, str) else None,
            custom if isinstance(custom, str) else None,
        )


class Catalog:
    """All fields of a site, found by name or id.

    Parameters
    ----------
    fields : iterable of Field
        In the site's order; a second field of the same id is dropped.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields: dict[str, Field] = {}
        for field in fields:
            self.fields.setdefault(field.id, field)
        self._by_name: dict[str, list[Field]] = {}
        for field in self.fields.values():
            self._by_name.setdefault(folded(field.name), []).append(field)

    @classmethod
    def from_site(cls, answer: Any) -> Catalog:
        """Build the catalog from a ``/field`` answer."""
        items = answer if isinstance(answer, list) else []
        rows = [item for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]
        # "issuekey" and "thumbnail" are columns of the issue navigator, not fields of an issue.
        rows = [row for row in rows if row["id"] not in ("issuekey", "thumbnail")]
        return cls(Field.of(row["id"], row.get("name"), row.get("schema")) for row in rows)

    @classmethod
    def from_issues(cls, ids: Iterable[str], names: Any = None, schema: Any = None) -> Catalog:
        """Build a catalog for answers that came without a site: by ``names`` and ``schema`` if expanded."""
        names = names if isinstance(names, dict) else {}
        schema = schema if isinstance(schema, dict) else {}
        return cls(Field.of(id, names.get(id), schema.get(id)) for id in dict.fromkeys([*ids, *schema]))

    def get(self, id: str) -> Field:
        """Return the field of an id; an unknown id is a field of unknown type."""
        return self.fields.get(id) or Field.of(id, None, None)

    def find(self, name: str) -> list[Field]:
        """Return the fields called `name`, or the one with that id or label; names may repeat.

        Case, invisible characters and the amount of white space are ignored.

        Raises
        ------
        UnknownFieldError
            No field of that name; near matches are named.
        """
        if name in self.fields:
            return [self.fields[name]]
        found = self._by_name.get(folded(name))
        if found:
            return found
        labelled = _LABEL.search(name.strip())
        if labelled and labelled[1] in self.fields:
            return [self.fields[labelled[1]]]
        raise unknown(name, [field.name for field in self.fields.values()])

    def custom(self, kind: str) -> list[Field]:
        """Return the custom fields of a plug-in's type."""
        return [field for field in self.fields.values() if field.custom == kind]

    def story_points(self) -> list[Field]:
        """Return the fields that hold story points, by name first."""
        named = [
            field
            for name in STORY_POINT_NAMES
            for field in self._by_name.get(folded(name), [])
            if field.type == "number"
        ]
        return list(dict.fromkeys([*named, *self.custom(STORY_POINTS)]))

    def label(self, field: Field, taken: Iterable[str] = ()) -> str:
        """Return the column name of a field; an ambiguous name is suffixed by the id."""
        repeated = len(self._by_name.get(folded(field.name), [])) > 1
        clash = folded(field.name) in {folded(t) for t in taken}
        return f"{field.name} ({field.id})" if repeated or clash else field.name


def unknown(name: str, names: Iterable[str]) -> UnknownFieldError:
    """Return the error for an unknown field, with its near matches."""
    hint = did_you_mean(name, names, otherwise="jira.fields() lists what the site has")
    return UnknownFieldError(f"the site has no field {name!r}", hint=hint)


def folded(name: str) -> str:
    """Return a field's name without case, surplus white space and invisible characters, for comparison."""
    return " ".join(_INVISIBLE.sub("", name).split()).casefold()
