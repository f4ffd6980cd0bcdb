"""The fields of an issue: ids per dialect, schema, JQL names. Custom ids differ per site, as in life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """A field: `slug` is our name, `cloud` and `dc` its ids (None: the dialect has no such field)."""

    slug: str
    name: str
    cloud: str | None
    dc: str | None
    kind: str
    schema: tuple[tuple[str, Any], ...] | None
    jql: tuple[str, ...] = ()
    navigable: bool = True

    @property
    def custom(self) -> bool:
        return bool(self.cloud or self.dc) and (self.cloud or self.dc or "").startswith("customfield_")


def _system(
    slug: str, name: str, kind: str, *, items: str | None = None, jql: tuple[str, ...] | None = None,
    navigable: bool = True, only: str | None = None, schema: bool = True,
) -> Field:  # fmt: skip
    parts: list[tuple[str, Any]] = [("type", "array" if items else kind)]
    if items:
        parts.append(("items", items))
    parts.append(("system", slug))
    clause = (slug.lower(),) if jql is None else jql
    return Field(
        slug,
        name,
        None if only == "dc" else slug,
        None if only == "cloud" else slug,
        kind,
        tuple(parts) if schema else None,
        clause,
        navigable,
    )


SYSTEM = (
    _system("issuekey", "Key", "key", jql=("id", "issue", "issuekey", "key"), schema=False),
    _system("summary", "Summary", "string", jql=("summary",)),
    _system("issuetype", "Issue Type", "issuetype", jql=("issuetype", "type")),
    _system("project", "Project", "project", jql=("project",)),
    _system("status", "Status", "status", jql=("status",)),
    _system("statusCategory", "Status Category", "statusCategory", jql=("statuscategory",), only="cloud"),
    _system("statuscategorychangedate", "Status Category Changed", "datetime", only="cloud"),
    _system("priority", "Priority", "priority", jql=("priority",)),
    _system("resolution", "Resolution", "resolution", jql=("resolution",)),
    _system("resolutiondate", "Resolved", "datetime", jql=("resolutiondate", "resolved")),
    _system("assignee", "Assignee", "user", jql=("assignee",)),
    _system("reporter", "Reporter", "user", jql=("reporter",)),
    _system("creator", "Creator", "user", jql=("creator",)),
    _system("created", "Created", "datetime", jql=("created", "createddate")),
    _system("updated", "Updated", "datetime", jql=("updated", "updateddate")),
    _system("duedate", "Due date", "date", jql=("due", "duedate")),
    _system("labels", "Labels", "string", items="string", jql=("labels",)),
    _system("components", "Components", "component", items="component", jql=("component",)),
    _system("fixVersions", "Fix versions", "version", items="version", jql=("fixversion",)),
    _system("versions", "Affects versions", "version", items="version", jql=("affectedversion",)),
    _system("parent", "Parent", "issuelink", jql=("parent",), navigable=True),
    _system("subtasks", "Sub-tasks", "issuelinks", items="issuelinks", jql=("subtasks",)),
    _system("issuelinks", "Linked Issues", "issuelinks", items="issuelinks", jql=()),
    _system("description", "Description", "string", jql=("description",)),
    _system("environment", "Environment", "string", jql=("environment",)),
    _system("comment", "Comment", "comments-page", jql=("comment",), navigable=False),
    _system("worklog", "Log Work", "worklog", items="worklog", jql=(), navigable=False),
    _system("attachment", "Attachment", "attachment", items="attachment", jql=("attachments",)),
    _system("timetracking", "Time tracking", "timetracking", jql=(), navigable=False),
    _system("timespent", "Time Spent", "number", jql=("timespent",)),
    _system("timeoriginalestimate", "Original estimate", "number", jql=("originalestimate",)),
    _system("timeestimate", "Remaining Estimate", "number", jql=("remainingestimate",)),
    _system("progress", "Progress", "progress", jql=("progress",)),
    _system("votes", "Votes", "votes", jql=("votes",)),
    _system("watches", "Watchers", "watches", jql=("watchers",)),
    _system("workratio", "Work Ratio", "number", jql=("workratio",)),
)

_TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"
_AGILE = "com.pyxis.greenhopper.jira:"


def _custom(
    slug: str, name: str, cloud: int | None, dc: int | None, kind: str, type_: str, plugin: str,
    items: str | None = None,
) -> Field:  # fmt: skip
    schema: list[tuple[str, Any]] = [("type", type_)]
    if items:
        schema.append(("items", items))
    schema.append(("custom", plugin if ":" in plugin else _TYPES + plugin))
    return Field(
        slug,
        name,
        f"customfield_{cloud}" if cloud else None,
        f"customfield_{dc}" if dc else None,
        kind,
        tuple(schema),
        (name.lower(),),
    )


CUSTOM = (
    _custom("sprint", "Sprint", 10020, 10101, "sprint", "array", _AGILE + "gh-sprint", "json"),
    _custom("points", "Story Points", 10016, 10102, "number", "number", "float"),
    _custom("estimate", "Story point estimate", 10036, None, "number", "number",
            _AGILE + "jsw-story-points"),
    _custom("epic_link", "Epic Link", None, 10100, "issuekey", "any", _AGILE + "gh-epic-link"),
    _custom("epic_name", "Epic Name", 10011, 10103, "text", "string", _AGILE + "gh-epic-label"),
    _custom("parent_link", "Parent Link", None, 10200, "issuekey", "any",
            "com.atlassian.jpo:jpo-custom-field-parent"),
    _custom("rank", "Rank", 10019, 10104, "rank", "any", _AGILE + "gh-lexo-rank"),
    _custom("severity", "Severity", 10040, 10300, "select", "option", "select"),
    _custom("customer", "Customer", 10041, 10301, "text", "string", "textfield"),
    # The same name twice, of another type: joins by name must not guess.
    _custom("customer_tier", "Customer", 10042, 10302, "select", "option", "radiobuttons"),
    _custom("platforms", "Platforms", 10043, 10303, "multiselect", "array", "multicheckboxes", "option"),
    _custom("cause", "Root Cause", 10044, 10304, "cascading", "option-with-child", "cascadingselect"),
    _custom("owner", "Team Lead", 10045, 10305, "user", "user", "userpicker"),
    _custom("reviewers", "Reviewers", 10046, 10306, "users", "array", "multiuserpicker", "user"),
    _custom("value", "Business Value", 10047, 10307, "number", "number", "float"),
    _custom("effort", "Größe (PT)", 10048, 10308, "number", "number", "float"),
    _custom("go_live", "Go-live", 10049, 10309, "date", "date", "datepicker"),
    _custom("reviewed", "Reviewed At", 10050, 10310, "datetime", "datetime", "datetime"),
    _custom("docs", "Documentation", 10051, 10311, "url", "string", "url"),
    _custom("tags", "Tags", 10052, 10312, "labels", "array", "labels", "string"),
    _custom("notes", "Release Notes", 10053, 10313, "textarea", "string", "textarea"),
    _custom("target", "Target Version", 10054, 10314, "versions", "array", "multiversion", "version"),
    _custom("team", "Squad", 10055, 10315, "group", "group", "grouppicker"),
    _custom("empty", "Never Filled", 10056, 10316, "number", "number", "float"),
    _custom("sla", "Time to resolution", 10057, 10317, "sla", "sd-servicelevelagreement",
            "com.atlassian.servicedesk:sd-sla-field"),
)  # fmt: skip

FIELDS = SYSTEM + CUSTOM
BY_SLUG = {field.slug: field for field in FIELDS}

SEVERITIES = ("Critical", "Major", "Minor", "Trivial")
TIERS = ("Gold", "Silver", "Bronze & below")
PLATFORMS = ("Windows", "macOS", "Linux", "iOS", "Android")
# No seeded issue has it: a name with a comma, as real sites have them.
RARE_PLATFORM = "Linux, ARM"
CAUSES = {"Code": ("Logic", "Concurrency", "Übersetzung"), "Infrastructure": ("Network", "Disk"), "Human": ()}
TEAMS = ("squad-red", "squad-blue")


def options(slug: str) -> dict[str, int]:
    """Name → option id of a select field, cascading children as ``parent/child``."""
    base = 10400 + 20 * [field.slug for field in CUSTOM].index(slug)
    names: list[str] = []
    if slug == "severity":
        names = list(SEVERITIES)
    elif slug == "customer_tier":
        names = list(TIERS)
    elif slug == "platforms":
        names = [*PLATFORMS, RARE_PLATFORM]
    elif slug == "cause":
        for parent, children in CAUSES.items():
            names += [parent, *(f"{parent}/{child}" for child in children)]
    return {name: base + i for i, name in enumerate(names)}


OPTIONS = {slug: options(slug) for slug in ("severity", "customer_tier", "platforms", "cause")}
