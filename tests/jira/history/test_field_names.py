"""Every name by which a person knows a field, and which field an item of a history is about."""

from __future__ import annotations

import pytest

from schedkit.errors import UnknownFieldError
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.table.fields import EPIC_LINK, SPRINT, STORY_POINTS, SYSTEM, Catalog, Field

PLUGIN = "com.atlassian.jira.plugin.system.customfieldtypes:"
CATALOG = Catalog(
    [
        *(Field(id, name, kind, items) for id, (name, kind, items) in SYSTEM.items()),
        Field("customfield_1", "Story Points", "number", None, PLUGIN + "float"),
        Field("customfield_2", "Story point estimate", "number", None, STORY_POINTS),
        Field("customfield_3", "Sprint", "array", "json", SPRINT),
        Field("customfield_4", "Epic Link", "any", None, EPIC_LINK),
        Field("customfield_5", "Customer", "string", None, PLUGIN + "textfield"),
        Field("customfield_6", "Customer", "option", None, PLUGIN + "select"),
        Field("customfield_7", "Status", "string", None, PLUGIN + "textfield"),
        Field("customfield_8", "Component", "string", None, PLUGIN + "textfield"),
        Field("customfield_9", "Squad", "string", None, PLUGIN + "textfield"),
    ]
)
DC = FieldNames(CATALOG, DATA_CENTER)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("Fix Version/s", {"fixVersions"}),
        ("Fix Versions", {"fixVersions"}),
        ("fix versions ", {"fixVersions"}),
        ("fixVersions", {"fixVersions"}),
        ("Fix Version", {"fixVersions"}),
        ("Version", {"versions"}),
        ("Component/s", {"components"}),
        ("Components", {"components"}),
        ("Component", {"customfield_8"}),  # the site's own name goes before a history's word
        ("Type", {"issuetype"}),
        ("Issue Type", {"issuetype"}),
        ("Due", {"duedate"}),
        ("Due date", {"duedate"}),
        ("Resolved", {"resolutiondate"}),
        ("Link", {"issuelinks"}),
        ("Linked Issues", {"issuelinks"}),
        ("Key", {"issuekey"}),
        ("issuekey", {"issuekey"}),
        ("project", {"project"}),
        ("Status", {"status"}),
        ("Status Category", {"status"}),
        ("customfield_7", {"customfield_7"}),
        ("Customer", {"customfield_5", "customfield_6"}),
        ("Customer (customfield_6)", {"customfield_6"}),
        ("Story Points", {"customfield_1", "customfield_2"}),
        ("Story point estimate", {"customfield_2"}),
        ("Sprint", {"customfield_3"}),
        ("Parent", {"parent", "customfield_4"}),
        ("Epic Link", {"customfield_4"}),
        ("Time Tracking", {"timeoriginalestimate", "timeestimate", "timespent"}),
        ("WorklogId", {"worklog"}),
    ],
)
def test_names_of_fields(name: str, ids: set[str]) -> None:
    assert DC.wanted([name]) == ids


def test_all_fields_and_the_default_ones() -> None:
    assert DC.wanted(None) is None
    assert DC.wanted(["Status", "*all"]) is None
    default = DC.wanted(["*default"])
    assert default is not None
    assert default >= {"issuekey", "status", "fixVersions", "customfield_1", "customfield_2", "customfield_3"}
    with pytest.raises(UnknownFieldError, match=r"no field 'Statsu' \(did you mean 'Status'"):
        DC.wanted(["Statsu"])


@pytest.mark.parametrize(
    ("field", "id", "kind", "expected"),
    [
        ("status", "status", "jira", "status"),
        ("status", None, "jira", "status"),
        ("status", None, None, "status"),
        ("Status", None, "custom", "customfield_7"),
        ("Status", "customfield_7", "custom", "customfield_7"),
        ("Component", None, "jira", "components"),
        ("Component", None, "custom", "customfield_8"),
        ("Fix Version", None, "jira", "fixVersions"),
        ("Version", None, "jira", "versions"),
        ("Link", None, "jira", "issuelinks"),
        ("Key", "", "jira", "issuekey"),
        ("IssueParentAssociation", None, "jira", "parent"),
        ("Parent Issue", None, "jira", "parent"),
        ("Workflow", None, "jira", "Workflow"),
        ("Squad", None, None, "customfield_9"),
        ("Customer", None, "custom", None),
        ("Gone since", None, "custom", None),
    ],
)
def test_fields_of_items(field: str, id: str | None, kind: str | None, expected: str | None) -> None:
    for _ in range(2):
        assert DC.id_of(field, id, kind) == expected


def test_an_item_that_may_be_of_either_of_two_fields() -> None:
    wanted = DC.wanted(["Customer"])
    assert DC.is_wanted(wanted, None, "customer")
    assert not DC.is_wanted(wanted, None, "Gone since")
    assert not DC.is_wanted(DC.wanted(["Status"]), "customfield_7", "Status")


def test_what_cloud_can_filter() -> None:
    cloud = FieldNames(CATALOG, CLOUD)
    assert cloud.filter_ids(cloud.wanted(["Status", "Fix Versions"])) == ["fixVersions", "status"]
    assert cloud.filter_ids(cloud.wanted(["Status", "Link"])) == [], "items about links bear no id"
    assert cloud.filter_ids(frozenset(map(str, range(11)))) == []
    assert cloud.filter_ids(None) == []


def test_which_columns_fields_are_in() -> None:
    told = DC.described(["customfield_2", "status", "customfield_6", "Workflow", "issuelinks"])
    assert told["Story Points"] == {"id": "customfield_1", "type": "number", "also": ["customfield_2"]}
    assert told["Status"] == {"id": "status", "type": "status"}
    assert told["Customer (customfield_6)"]["id"] == "customfield_6"
    assert set(told) == {"Story Points", "Status", "Customer (customfield_6)", "Linked Issues"}
