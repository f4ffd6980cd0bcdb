"""What people and histories call Jira's system fields, where that is not the field's id."""

from __future__ import annotations

__all__ = ["ELEMENT_FIELDS", "HISTORY_NAMES", "system_field"]

# Names in changelogs. Data Center sends no field ids at all, Cloud none for links, keys and parents.
HISTORY_NAMES = {
    "attachment": "attachment",
    "comment": "comment",
    "component": "components",
    "fix version": "fixVersions",
    "issueparentassociation": "parent",
    "key": "issuekey",
    "link": "issuelinks",
    "parent": "parent",
    "parent issue": "parent",
    "version": "versions",
    "worklogid": "worklog",
    "worklogtimespent": "worklog",
}

# Column labels of ours and names that sites show in English.
_LABELS = {
    "affects version/s": "versions",
    "affects versions": "versions",
    "component/s": "components",
    "components": "components",
    "due": "duedate",
    "due date": "duedate",
    "fix version/s": "fixVersions",
    "fix versions": "fixVersions",
    "issue type": "issuetype",
    "linked issues": "issuelinks",
    "original estimate": "timeoriginalestimate",
    "remaining estimate": "timeestimate",
    "resolved": "resolutiondate",
    "time spent": "timespent",
    "type": "issuetype",
}

_IDS = {
    id.casefold(): id
    for id in (
        *HISTORY_NAMES.values(),
        *_LABELS.values(),
        "assignee",
        "creator",
        "description",
        "environment",
        "labels",
        "priority",
        "project",
        "reporter",
        "resolution",
        "security",
        "status",
        "summary",
    )
}

# A change of these names one element that was added or removed, not the whole value before and after.
ELEMENT_FIELDS = frozenset({"attachment", "components", "fixVersions", "issuelinks", "versions"})


def system_field(name: str) -> str | None:
    """Return the id of the system field of a name, or None if no system field is called so.

    Examples
    --------
    >>> system_field("Fix Version"), system_field("Type"), system_field("Story Points")
    ('fixVersions', 'issuetype', None)
    """
    fold = name.strip().casefold()
    return _IDS.get(fold) or HISTORY_NAMES.get(fold) or _LABELS.get(fold)
