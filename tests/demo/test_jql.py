"""JQL means what Jira says it means: checked against plain Python over the same issues."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.demo import DemoSite
from schedkit.demo.jql import JqlError
from schedkit.demo.jql.compile import compile_node
from schedkit.demo.jql.parse import parse
from schedkit.demo.jql.tree import All, AnyOf, Clause, Empty, Node, Not, Value
from schedkit.demo.world.catalog import DAY, STATUSES
from schedkit.demo.world.model import Change, Issue, Worklog

Truth = Callable[[Issue], bool]
BERLIN = ZoneInfo("Europe/Berlin")
# A day in the middle of what the site has, which ends today.
MIDDLE = (datetime.now(BERLIN) - timedelta(days=500)).date()
BEGINS = int(datetime(MIDDLE.year, MIDDLE.month, MIDDLE.day, tzinfo=BERLIN).timestamp() * 1000)
# Texts by key, which follow from the issues' seeds.
DESCRIBED: dict[str, str] = {}
COMMENTED: dict[str, str] = {}
WORK: dict[str, tuple[Worklog, ...]] = {}


def found(site: DemoSite, jql: str, cloud: bool = False) -> list[str]:
    desk = site.cloud if cloud else site.dc
    return [site.store.issues[n].key for n in desk.searcher.search(jql).ids]


def wanted(site: DemoSite, truth: Truth) -> set[str]:
    return {issue.key for issue in site.store.visible() if truth(issue)}


CASES: tuple[tuple[str, Truth], ...] = (
    ("project = DEMO", lambda i: i.project.key == "DEMO"),
    ("project = 'Demo Platform'", lambda i: i.project.key == "DEMO"),
    ("project in (OPS, 10002)", lambda i: i.project.key in ("OPS", "MOB")),
    ("project not in (OPS, mob)", lambda i: i.project.key not in ("OPS", "MOB")),
    ("issuetype = bug AND status != Done", lambda i: i.type.name == "Bug" and i.status.name != "Done"),
    ("type in standardIssueTypes()", lambda i: i.type.level >= 0),
    ("type in subtaskIssueTypes()", lambda i: i.type.level < 0),
    ("statusCategory = 'In Progress'", lambda i: i.status.category == "indeterminate"),
    ("statusCategory in (new, 3)", lambda i: i.status.category in ("new", "done")),
    ("status = Erledigt", lambda i: i.status.name == "Erledigt"),
    ("priority = High OR priority = highest", lambda i: i.priority is not None and i.priority.id <= 2),
    ("priority is EMPTY", lambda i: i.priority is None),
    ("priority > Medium", lambda i: i.priority is not None and i.priority.id < 3),
    ("priority >= High AND priority != Highest", lambda i: i.priority is not None and i.priority.id == 2),
    ("priority < 3", lambda i: i.priority is not None and i.priority.id > 3),
    ("resolution = Unresolved", lambda i: i.resolution is None),
    ("resolution != unresolved", lambda i: i.resolution is not None),
    ("resolution in (Unresolved, Done)", lambda i: i.resolution is None or i.resolution.name == "Done"),
    ("votes > 2", lambda i: i.seed % 4 > 2),
    ("watchers = 0", lambda i: i.seed % 7 == 0),
    ("cf[10302] = Gold", lambda i: i.custom.get("customer_tier") == "Gold"),
    ("filter = -5", lambda i: i.resolution is None),
    ("issue in issueHistory()", lambda i: i.seed % 5 == 0),
    ("assignee is not NULL", lambda i: i.assignee is not None),
    ("assignee = currentUser()", lambda i: i.assignee is not None and i.assignee.name == "demo"),
    ("assignee != currentUser()", lambda i: i.assignee is not None and i.assignee.name != "demo"),
    ("assignee in (EMPTY, demo)", lambda i: i.assignee is None or i.assignee.name == "demo"),
    ("assignee not in (demo, user1)", lambda i: i.assignee is not None and i.assignee.number > 1),
    ("reporter in membersOf('all')", lambda i: i.reporter is not None and i.reporter.active),
    ("labels = backend", lambda i: "backend" in i.labels),
    ("labels in (backend, größe)", lambda i: bool({"backend", "größe"} & set(i.labels))),
    ("labels is empty", lambda i: not i.labels),
    ("labels != backend", lambda i: bool(i.labels) and "backend" not in i.labels),
    ("component = 'Billing, Tax & Co'", lambda i: any(c.name.startswith("Billing") for c in i.components)),
    ("fixVersion = 'demo 8.1'", lambda i: any(v.name == "demo 8.1" for v in i.fix_versions)),
    ("fixVersion in releasedVersions(DEMO)",
     lambda i: any(v.released and v.project == "DEMO" for v in i.fix_versions)),
    ("affectedVersion is not empty", lambda i: bool(i.versions)),
    ("sprint in openSprints()", lambda i: any(s.state == "active" for s in i.sprints)),
    ("sprint = 124", lambda i: any(s.id == 124 for s in i.sprints)),
    ("sprint is empty", lambda i: not i.sprints),
    ("resolution is empty", lambda i: i.resolution is None),
    ("resolution = \"Won't Do\"", lambda i: i.resolution is not None and i.resolution.name == "Won't Do"),
    ("key = DEMO-3", lambda i: i.key == "DEMO-3"),
    ("key in (DEMO-3, demo-4, OPS-1)", lambda i: i.key in ("DEMO-3", "DEMO-4", "OPS-1")),
    ("id = 10005", lambda i: i.id == 10005),
    ("id in (10005, 10003) AND project = DEMO", lambda i: i.id in (10005, 10003) and i.project.key == "DEMO"),
    ("key >= DEMO-5 AND key < DEMO-9", lambda i: i.project.key == "DEMO" and 5 <= i.number < 9),
    ("key > OPS-3 AND key <= OPS-6", lambda i: i.project.key == "OPS" and 3 < i.number <= 6),
    ("key != DEMO-3", lambda i: i.key != "DEMO-3"),
    ('"Story Points" >= 5', lambda i: i.custom.get("points", 0) >= 5),
    ('"Story Points" = 0.5', lambda i: i.custom.get("points") == 0.5),
    ('"Story Points" in (1, 2)', lambda i: i.custom.get("points") in (1.0, 2.0)),
    ('"Story Points" is empty', lambda i: i.custom.get("points") is None),
    ("cf[10102] < 2", lambda i: i.custom.get("points", 9) < 2),
    ("Severity in (Critical, Major)", lambda i: i.custom.get("severity") in ("Critical", "Major")),
    ("Platforms = macOS", lambda i: "macOS" in i.custom.get("platforms", ())),
    ('"Root Cause" = Code', lambda i: i.custom.get("cause", ("",))[0] == "Code"),
    ('"Team Lead" is not empty', lambda i: "owner" in i.custom),
    ("Reviewers = user3", lambda i: any(u.name == "user3" for u in i.custom.get("reviewers", ()))),
    ("Customer = Gold", lambda i: i.custom.get("customer_tier") == "Gold"),
    ('Customer ~ "ACME"', lambda i: "ACME" in i.custom.get("customer", "")),
    ("Tags = alpha", lambda i: "alpha" in i.custom.get("tags", ())),
    ("Squad = squad-red", lambda i: i.custom.get("team") == "squad-red"),
    ("summary ~ dialog", lambda i: "dialog" in i.summary.split()),
    ('summary ~ "export dialog"', lambda i: {"export", "dialog"} <= set(i.summary.split())),
    ("summary ~ 'invoic*'", lambda i: "invoice" in i.summary),
    ("summary !~ dialog", lambda i: "dialog" not in i.summary.split()),
    ("description ~ Report", lambda i: "h2. Report" in (i.description or DESCRIBED[i.key])),
    ("text ~ 'Report' AND summary !~ Report",
     lambda i: "h2. Report" in DESCRIBED[i.key] and "report" not in i.summary),
    ("comment is not empty", lambda i: bool(COMMENTED[i.key])),
    ("comment ~ spinning", lambda i: "spinning" in COMMENTED[i.key]),
    ("description is empty", lambda i: not DESCRIBED[i.key]),
    ("'Story Points' in (EMPTY, 3)", lambda i: i.custom.get("points") in (None, 3.0)),
    ("'Story Points' not in (3, 5)", lambda i: i.custom.get("points") not in (None, 3.0, 5.0)),
    (f"'Reviewed At' > '{MIDDLE}'", lambda i: i.custom.get("reviewed", 0) > BEGINS),
    (f"'Go-live' <= {MIDDLE}", lambda i: "go_live" in i.custom and i.custom["go_live"] <= str(MIDDLE)),
    ("'Target Version' = 'ops 9.2'", lambda i: any(v.name == "ops 9.2" for v in i.custom.get("target", ()))),
    ("'Release Notes' ~ faster", lambda i: "notes" in i.custom),
    ("sprint in closedSprints() AND sprint not in futureSprints()",
     lambda i: any(s.state == "closed" for s in i.sprints) and all(s.state != "future" for s in i.sprints)),
    ("fixVersion in unreleasedVersions()", lambda i: any(not v.released for v in i.fix_versions)),
    ("assignee in (user1, user2) AND assignee in ('Ada Lovelace')",
     lambda i: i.assignee is not None and i.assignee.number == 1),
    ("project = DEMO\n  AND\n\ttype = Bug", lambda i: i.project.key == "DEMO" and i.type.name == "Bug"),
    ("due is not empty", lambda i: i.due is not None),
    ("originalEstimate > 0", lambda i: bool(i.estimate)),
    ("originalEstimate > 1h", lambda i: (i.estimate or 0) > 3600),
    ("originalEstimate <= '1d 30m'", lambda i: i.estimate is not None and i.estimate <= 30_600),
    ("originalEstimate = 120", lambda i: i.estimate == 7200),
    ("remainingEstimate = 1h", lambda i: i.left == 3600),
    ("timespent >= 2h", lambda i: (i.spent or 0) >= 7200),
    ("worklogAuthor = currentUser()", lambda i: any(w.author.name == "demo" for w in WORK[i.key])),
    ("worklogAuthor in (user1, user2)",
     lambda i: any(w.author.name in ("user1", "user2") for w in WORK[i.key])),
    (f"worklogDate >= '{MIDDLE}'", lambda i: any(w.started >= BEGINS for w in WORK[i.key])),
    (f"worklogDate < '{MIDDLE}' AND worklogAuthor is not EMPTY",
     lambda i: any(w.started < BEGINS for w in WORK[i.key])),
    ("worklogDate is EMPTY", lambda i: not WORK[i.key]),
    ("NOT project = DEMO", lambda i: i.project.key != "DEMO"),
    ("!(project = DEMO || project = OPS)", lambda i: i.project.key not in ("DEMO", "OPS")),
    ("project = DEMO AND (type = Bug OR type = Story) AND NOT labels = q1",
     lambda i: i.project.key == "DEMO" and i.type.name in ("Bug", "Story") and "q1" not in i.labels),
    ("project = OPS OR project = MOB AND type = Bug",
     lambda i: i.project.key == "OPS" or (i.project.key == "MOB" and i.type.name == "Bug")),
)  # fmt: skip


@pytest.mark.parametrize(("jql", "truth"), CASES, ids=[jql for jql, _ in CASES])
def test_a_query_finds_what_it_says(demo_site: DemoSite, jql: str, truth: Truth) -> None:
    store = demo_site.store
    for issue in store.visible():
        WORK[issue.key] = store.worklogs(issue)
        DESCRIBED[issue.key] = str(store.description(issue) or "")
        COMMENTED[issue.key] = "\n".join(str(comment.text) for comment in store.comments(issue))
    expected = wanted(demo_site, truth)
    assert set(found(demo_site, jql)) == expected
    assert 0 < len(expected) < 300, "a case that finds nothing or all proves little"


def test_hierarchy_has_three_edges_on_data_center_and_one_on_cloud(demo_site: DemoSite) -> None:
    epic = next(
        i for i in demo_site.store.visible() if i.type.name == "Epic" and i.id in demo_site.store.children
    )
    children = {demo_site.store.issues[n].key for n in demo_site.store.children[epic.id]}
    assert set(found(demo_site, f'"Epic Link" = {epic.key}')) == children
    assert found(demo_site, f"parent = {epic.key}") == []
    assert set(found(demo_site, f"parent = {epic.key}", cloud=True)) == children
    goal = next(i for i in demo_site.store.visible() if i.type.name == "Initiative")
    below = wanted(demo_site, lambda i: i.parent == goal.id)
    assert set(found(demo_site, f'"Parent Link" in ({goal.key})')) == below != set()
    subtask = next(i for i in demo_site.store.visible() if i.type.level < 0)
    assert subtask.key in found(demo_site, f"parent = {subtask.parent}")


def test_a_saved_filter_stands_for_its_query(demo_site: DemoSite) -> None:
    saved = set(found(demo_site, "project in (OPS, MOB) AND type = Bug"))
    assert set(found(demo_site, "filter = 10002")) == saved != set()
    assert set(found(demo_site, "filter != 10002")) == wanted(demo_site, lambda i: True) - saved
    both = set(found(demo_site, "savedFilter in (10002, 10001) AND project = OPS"))
    assert both >= {key for key in saved if key.startswith("OPS-")}
    for jql, told in (("filter = 7", "The value '7' does not exist"), ("filter ~ x", "is not supported")):
        with pytest.raises(JqlError, match=told):
            found(demo_site, jql)


def changes(site: DemoSite, issue: Issue, field: str) -> list[tuple[int, str | None, str | None]]:
    return [
        (entry.at, change.was, change.now)
        for entry in site.store.history(issue)
        for change in entry.changes
        if change.field == field
    ]


PROGRESS = "3"


@pytest.mark.parametrize(
    ("jql", "truth"),
    [
        ("status changed", lambda moves: bool(moves)),
        ("status CHANGED TO 'In Progress'", lambda moves: any(now == PROGRESS for _, _, now in moves)),
        ("status CHANGED FROM 'In Progress'", lambda moves: any(was == PROGRESS for _, was, _ in moves)),
        (
            f"status CHANGED FROM ('To Do', Backlog) TO ('In Progress') AFTER {MIDDLE}",
            lambda moves: any(
                was in ("10000", "10001") and now == PROGRESS and at >= BEGINS for at, was, now in moves
            ),
        ),
        (
            f"status CHANGED BEFORE {MIDDLE}",
            lambda moves: any(at < BEGINS for at, _, _ in moves),
        ),
        ("status CHANGED BY nobody-at-all", None),
        ("status CHANGED AFTER nonsense", None),
        ("status CHANGED DURING (2025-01-01)", None),
        ("summary WAS x", None),
        ("affectedVersion WAS 'demo 8.0'", None),
        ("labels CHANGED", None),
    ],
)
def test_what_changed(demo_site: DemoSite, jql: str, truth: Callable[[list], bool] | None) -> None:
    if truth is None:
        with pytest.raises(JqlError):
            found(demo_site, jql)
        return
    expected = wanted(demo_site, lambda i: truth(changes(demo_site, i, "status")))
    assert set(found(demo_site, jql)) == expected
    assert expected


def test_what_was(demo_site: DemoSite) -> None:
    def held(issue: Issue) -> set[str | None]:
        moves = changes(demo_site, issue, "status")
        return {str(issue.status.id), *(was for _, was, _ in moves), *(now for _, _, now in moves)}

    ever = wanted(demo_site, lambda i: PROGRESS in held(i))
    assert set(found(demo_site, "status WAS 'In Progress'")) == ever
    assert set(found(demo_site, "status WAS IN ('In Progress', Done)")) >= ever
    assert set(found(demo_site, "status WAS NOT 'In Progress'")) == wanted(demo_site, lambda i: True) - ever
    assert set(found(demo_site, "status WAS NOT IN ('In Progress')")) == set(
        found(demo_site, "status WAS NOT 'In Progress'")
    )
    assert set(found(demo_site, "status WAS 'In Progress' BEFORE 1999-01-01")) == set()
    assert set(found(demo_site, "status WAS 'In Progress' DURING (1999-01-01, now())")) == ever
    assert set(found(demo_site, "status WAS 'In Progress' ON startOfDay()")) <= ever
    assert set(found(demo_site, "assignee WAS EMPTY")) >= wanted(demo_site, lambda i: i.assignee is None)
    mine = set(found(demo_site, "assignee WAS currentUser()"))
    assert mine >= set(found(demo_site, "assignee = currentUser()"))
    assert set(found(demo_site, "status CHANGED BY currentUser()")) <= set(found(demo_site, "status CHANGED"))


def test_versions_that_were() -> None:
    """A field of several values: each change adds one or takes one away."""
    with DemoSite(issues=40) as site:
        project = site.store.project("DEMO")
        assert project is not None
        first, second, third = project.versions[:3]
        for key, held in (("DEMO-1", (first, second)), ("DEMO-2", (third,)), ("DEMO-3", ())):
            site.store.edit(key, fix_versions=held)
        gone = Change("Fix Version", "fixVersions", str(first.id), first.name, None, None)
        new = Change("Fix Version", "fixVersions", None, None, str(third.id), third.name)
        before = site.store.now()
        site.store.edit("DEMO-1", gone, new, fix_versions=(second, third), author=site.store.catalog.users[2])
        asked = {
            f"fixVersion WAS '{first.name}'": {"DEMO-1"},
            f"fixVersion WAS '{second.name}'": {"DEMO-1"},
            f"fixVersion WAS IN ('{first.name}', '{third.name}')": {"DEMO-1", "DEMO-2"},
            f"fixVersion WAS NOT '{third.name}'": {"DEMO-3"},
            "fixVersion WAS EMPTY": {"DEMO-3"},
            "fixVersion CHANGED": {"DEMO-1"},
            f"fixVersion CHANGED FROM '{first.name}'": {"DEMO-1"},
            f"fixVersion CHANGED TO '{third.name}' BY '{site.store.catalog.users[2].display}'": {"DEMO-1"},
            f"fixVersion CHANGED TO '{second.name}'": set(),
            f"fixVersions CHANGED BEFORE {before - 60_000}": set(),
        }
        for jql, keys in asked.items():
            assert set(found(site, f"key in (DEMO-1, DEMO-2, DEMO-3) AND {jql}")) == keys, jql


def test_versions_by_function(demo_site: DemoSite) -> None:
    project = demo_site.store.project("DEMO")
    assert project is not None
    latest = max((v for v in project.versions if v.released), key=lambda v: v.date)
    expected = wanted(demo_site, lambda i: latest in i.fix_versions)
    assert set(found(demo_site, "fixVersion = latestReleasedVersion(DEMO)")) == expected
    assert found(demo_site, "project in projectsLeadByUser()") == []


def test_linked_issues(demo_site: DemoSite) -> None:
    last = max(demo_site.store.visible(), key=lambda i: i.id)
    linked = set(found(demo_site, f"issue in linkedIssues({last.key})"))
    assert len(linked) >= 2
    assert set(found(demo_site, f'issue in linkedIssues("{last.key}", "blocks")')) < linked


def test_dates_are_the_readers(demo_site: DemoSite) -> None:
    issue = next(i for i in demo_site.store.visible())
    local = datetime.fromtimestamp(issue.created / 1000, BERLIN)
    assert found(demo_site, f'created >= "{local:%Y-%m-%d %H:%M}" AND key = {issue.key}') == [issue.key]
    later = f"{local:%Y/%m/%d} {local.hour:02d}:{local.minute:02d}"
    assert found(demo_site, f'created < "{later}" AND key = {issue.key}') == []
    day = f"created >= {local:%Y-%m-%d} AND key = {issue.key}"
    assert found(demo_site, day) == [issue.key]


def test_milliseconds_are_cut_to_the_second(demo_site: DemoSite) -> None:
    issue = next(i for i in demo_site.store.visible() if i.updated % 1000)
    second = issue.updated // 1000 * 1000
    assert found(demo_site, f"updated >= {second + 999} AND key = {issue.key}") == [issue.key]
    assert found(demo_site, f"updated > {second} AND key = {issue.key}") == []
    assert found(demo_site, f"updated = {second} AND key = {issue.key}") == [issue.key]


def test_relative_dates(demo_site: DemoSite) -> None:
    now = demo_site.clock()
    for text, days in (("-30d", 30), ("-4w 2d", 30), ("-720h", 30)):
        expected = wanted(demo_site, lambda i, days=days: i.created >= now - days * DAY)
        assert set(found(demo_site, f'created >= "{text}"')) == expected != set()
    assert found(demo_site, "created > now()") == []
    assert set(found(demo_site, "created <= endOfDay() AND created >= startOfYear(-5)")) == wanted(
        demo_site, lambda i: True
    )
    assert set(found(demo_site, "created < startOfMonth(-2)")) < set(
        found(demo_site, "created < startOfWeek()")
    )
    assert set(found(demo_site, 'created < startOfDay("-10d")')) < set(
        found(demo_site, "created < endOfYear()")
    )
    assert found(demo_site, 'due < "1999-01-01"') == []
    assert set(found(demo_site, 'due <= endOfMonth("24M") AND due != 1999-01-01')) == set(
        found(demo_site, "due is not EMPTY")
    )


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("key ASC", lambda i: (i.project.key, i.number)),
        ("id", lambda i: i.id),
        ("created", lambda i: i.created),
        ("summary", lambda i: i.summary.casefold()),
        ("project ASC, id", lambda i: (i.project.key, i.id)),
        ("issuetype, id", lambda i: (i.type.name.casefold(), i.id)),
        ("status, id", lambda i: (STATUSES.index(i.status), i.id)),
        ("component, id", lambda i: (i.components[0].id if i.components else 0, i.id)),
        (
            "assignee, id",
            lambda i: (i.assignee is not None, ((i.assignee and i.assignee.display) or "").casefold(), i.id),
        ),
        ('"Story Points", id', lambda i: (i.custom.get("points", -1), i.id)),
        ("Rank ASC", lambda i: i.id),
    ],
)
def test_order(demo_site: DemoSite, order: str, key: Callable[[Issue], object]) -> None:
    expected = [i.key for i in sorted(demo_site.store.visible(), key=key)]
    assert found(demo_site, f"ORDER BY {order}") == expected


def test_order_by_priority_puts_the_highest_first_when_descending(demo_site: DemoSite) -> None:
    keys = found(demo_site, "priority is not empty ORDER BY priority DESC, created DESC")
    ids = [demo_site.store.get(key).priority.id for key in keys]
    assert ids == sorted(ids)
    assert ids[0] < ids[-1]


@pytest.mark.parametrize(
    ("jql", "message"),
    [
        ("foo = 1", "Field 'foo' does not exist or you do not have permission to view it."),
        ("'Epic Link' = X", None),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("project = VAULT", "The value 'VAULT' does not exist for the field 'project'."),
        ("status = Nope", "The value 'Nope' does not exist for the field 'status'."),
        ("assignee = nobody", "The value 'nobody' does not exist for the field 'assignee'."),
        ("key = DEMO-99999", "An issue with key 'DEMO-99999' does not exist for field 'key'."),
        ("id = 99", "A value with ID '99' does not exist for the field 'id'."),
        ("key = nonsense", "The issue key 'nonsense' for field 'key' is invalid."),
        ("project ~ DEMO", "The operator '~' is not supported by the 'project' field."),
        ("summary = x", "The operator '=' is not supported by the 'summary' field."),
        ("created >= yesterday", "Date value 'yesterday' for field 'created' is invalid."),
        ("'Story Points' > many", "Value 'many' is not a number for the field 'Story Points'."),
        ("Severity = Huge", "The option 'Huge' for field 'Severity' does not exist."),
        ("project = DEMO foo", "Expecting either 'OR' or 'AND' but got 'foo'. (line 1, character 16)"),
        ("project", "Expecting operator before the end of the query."),
        ("project DEMO", "Expecting operator but got 'DEMO'. The valid operators are '='"),
        ("project =", "Expecting either a value, list or function before the end of the query."),
        ("project in DEMO,", "Expecting either 'OR' or 'AND' but got ','."),
        ("project in (DEMO", "Expecting either ')' or ',' before the end of the query."),
        ("(project = DEMO", "Expecting ')' before the end of the query."),
        ("(project = DEMO foo)", "Expecting either 'OR' or 'AND' but got 'foo'."),
        ("project = 'DEMO", "The quoted string 'DEMO' has not been completed. (line 1, character 11)"),
        ("summary ~ a+b", "The character '+' is a reserved JQL character."),
        ("summary ~ a[b", "The character '[' is a reserved JQL character."),
        ("project = DEMO ; x", "The character ';' is a reserved JQL character."),
        ("select = 1", "'select' is a reserved JQL word."),
        ("summary ~ 'a\\q'", "'\\q' is an illegal JQL escape sequence."),
        ("= DEMO", "Expecting a field name but got '='."),
        ("project = DEMO ORDER key", "Expecting 'by' but got 'key'."),
        ("project = DEMO ORDER BY", "Expecting a field name before the end of the query."),
        ("ORDER BY key foo", "Expecting ',' but got 'foo'."),
        ("ORDER BY description", "Field 'description' is not sortable."),
        ("assignee = nonsense()", "Unable to find JQL function 'nonsense()'."),
        ("created > nonsense(1)", "Unable to find JQL function 'nonsense(1)'."),
        ("created > EMPTY", "The operator '>' does not support EMPTY for the 'created' field."),
        ("summary ~ empty", "The operator '~' does not support EMPTY for the 'summary' field."),
        ("assignee is demo", "The operator 'is' only supports EMPTY and NULL, field 'assignee'."),
        ("originalEstimate > 1x", "Duration '1x' for field 'originalEstimate' is invalid."),
        ("created > 2026-02-30", "Date value '2026-02-30' for field 'created' is invalid."),
        ("created > startOfDay(soon)", "Unable to find JQL function 'startOfDay(soon)'."),
        ("statusCategory = Odd", "The value 'Odd' does not exist for the field 'statusCategory'."),
        ("created = EMPTY OR created > NULL", "does not support EMPTY"),
        ("assignee = currentUser(", "Expecting either ')' or ',' before the end of the query."),
        ("summary ~ 'a' AND summary ~ {b}", "The character '{' is a reserved JQL character."),
        ("labels = a\\", "The character '\\' is a reserved JQL character."),
        ("summary ~ ''", "The text query '' for field 'summary' is not allowed to be empty."),
        ("summary ~ now()", "The operator '~' is not supported by the 'summary' field."),
        ("key > now()", "The operator '>' is not supported by the 'key' field."),
        ("'Story Points' > now()", "The operator '>' is not supported by the 'Story Points' field."),
        ("issue in linkedIssues(NOPE-1)", "An issue with key 'NOPE-1' does not exist for field 'issue'."),
        (f"id in ({','.join(['10005'] * 3001)})", "more than 3000 values for 'id'."),
        ("(" * 300 + "project = DEMO" + ")" * 300, "The query is nested too deeply."),
        ("project = DEMO\nAND foo bar", "(line 2, character 9)"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_in_jiras_words(demo_site: DemoSite, jql: str, message: str | None) -> None:
    with pytest.raises(JqlError) as error:
        found(demo_site, jql)
    if message is not None:
        assert message in str(error.value)


def test_epic_link_is_no_field_of_cloud(demo_site: DemoSite) -> None:
    with pytest.raises(JqlError, match="Field 'Epic Link' does not exist"):
        found(demo_site, '"Epic Link" is empty', cloud=True)


def test_a_lenient_query_overlooks_unknown_values(demo_site: DemoSite) -> None:
    answer = demo_site.dc.searcher.search("key in (DEMO-1, DEMO-99999) OR id = 5", strict=False)
    assert [demo_site.store.issues[n].key for n in answer.ids] == ["DEMO-1"]
    assert answer.forgiven == (
        "An issue with key 'DEMO-99999' does not exist for field 'key'.",
        "A value with ID '5' does not exist for the field 'id'.",
    )
    with pytest.raises(JqlError):
        demo_site.dc.searcher.search("foo = 1", strict=False)


def test_escapes_and_quotes() -> None:
    clause = parse(r"""'a\"b' ~ "c\u0041\t\\ \'d" """).where
    assert clause == Clause('a"b', "~", (Value("cA\t\\ 'd"),))
    assert parse(r"summary ~ a\u002bb").where == Clause("summary", "~", (Value("a+b"),))


# A query means the same whatever way it is written --------------------------------

LEAVES = (
    Clause("project", "=", (Value("DEMO"),)),
    Clause("type", "in", (Value("Bug"), Value("Story"))),
    Clause("labels", "not in", (Value("backend"), Value("q1"))),
    Clause("assignee", "is", (Empty(),)),
    Clause("priority", "!=", (Value("High"),)),
    Clause("Story Points", ">=", (Value("3"),)),
    Clause("summary", "~", (Value("dialog"),)),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=8,
)


def written(node: Node) -> str:
    if isinstance(node, Not):
        return f"NOT ({written(node.inner)})"
    if isinstance(node, All):
        return " and ".join(f"({written(part)})" for part in node.parts)
    if isinstance(node, AnyOf):
        return " OR ".join(f"({written(part)})" for part in node.parts)
    told = ["EMPTY" if isinstance(o, Empty) else f'"{o.text}"' for o in node.operands]
    return f'"{node.field}" {node.op} ' + (f"({', '.join(told)})" if "in" in node.op else told[0])


def meant(node: Node, issue: Issue, leaves: dict[Clause, set[int]]) -> bool:
    if isinstance(node, Not):
        return not meant(node.inner, issue, leaves)
    if isinstance(node, All):
        return all(meant(part, issue, leaves) for part in node.parts)
    if isinstance(node, AnyOf):
        return any(meant(part, issue, leaves) for part in node.parts)
    return issue.id in leaves[node]


@settings(max_examples=60)
@given(node=NODES)
def test_any_tree_means_what_it_says(demo_site: DemoSite, node: Node) -> None:
    leaves = {leaf: set(demo_site.dc.searcher.search(written(leaf)).ids) for leaf in LEAVES}
    ids = set(demo_site.dc.searcher.search(written(node)).ids)
    assert ids == {i.id for i in demo_site.store.visible() if meant(node, i, leaves)}


def test_an_answer_is_kept_until_the_issues_change() -> None:
    with DemoSite(issues=30) as site:
        first = site.dc.searcher.search("labels = fresh")
        assert site.dc.searcher.search("labels = fresh") is first
        site.store.edit("DEMO-1", labels=("fresh",))
        assert found(site, "labels = fresh") == ["DEMO-1"]
        assert site.dc.searcher.matches("labels = fresh", site.store.get("DEMO-1"))
        many = [f"id > 10005 AND summary ~ word{n}" for n in range(65)]
        given = [site.dc.searcher.search(jql) for jql in many]
        again = zip(map(site.dc.searcher.search, many[1:]), given[1:], strict=True)
        assert all(found is first for found, first in again)
        assert site.dc.searcher.search(many[0]) is not given[0], "64 answers are kept"


def test_a_tree_compiles_once_for_many_issues(demo_site: DemoSite) -> None:
    query = parse("project = DEMO AND type = Bug AND labels is not empty")
    assert query.where is not None
    test = compile_node(query.where, demo_site.dc.searcher.reader())
    assert {i.key for i in demo_site.store.visible() if test(i)} == set(
        found(demo_site, "labels is not empty AND project = DEMO AND type = Bug")
    )


def test_attachments_can_be_asked_for_but_not_by_name(demo_site: DemoSite) -> None:
    assert found(demo_site, "attachments is not EMPTY") == []
    assert set(found(demo_site, "attachments is EMPTY")) == wanted(demo_site, lambda i: True)
    with pytest.raises(JqlError, match="The operator '=' is not supported by the 'attachments' field"):
        found(demo_site, "attachments = a.png")
