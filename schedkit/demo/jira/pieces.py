"""System fields as bytes: one small function per field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schedkit.demo.jira.face import Values, encode
from schedkit.demo.jira.talk import Talk, span
from schedkit.demo.store import Store
from schedkit.demo.world import catalog as c
from schedkit.demo.world.model import Issue

NULL = b"null"
Piece = Callable[[Issue], bytes]


def pieces(values: Values, store: Store, talk: Talk) -> dict[str, Piece]:
    """The encoders of system fields, and of custom fields that follow from the issue, by slug."""
    of, array = values.bytes_of, values.array

    def maybe(get: Callable[[Issue], Any], how: Callable[[Any], Any]) -> Piece:
        return lambda i: NULL if (v := get(i)) is None else of(v, how)

    def moment(get: Callable[[Issue], int | None]) -> Piece:
        return lambda i: NULL if (v := get(i)) is None else values.time_bytes(v)

    def key_of_parent(level: int) -> Piece:
        def piece(issue: Issue) -> bytes:
            if issue.parent is None or issue.type.level != level:
                return NULL
            return encode(store.issues[issue.parent].key)

        return piece

    return {
        "summary": lambda i: encode(i.summary),
        "issuetype": lambda i: of(i.type, values.issue_type),
        "project": lambda i: of(i.project, values.project),
        "status": lambda i: of(i.status, values.status),
        "statusCategory": lambda i: of(i.status.category, values.category),
        "statuscategorychangedate": moment(lambda i: i.resolved or i.updated),
        "priority": maybe(lambda i: i.priority, values.priority),
        "resolution": maybe(lambda i: i.resolution, values.resolution),
        "resolutiondate": moment(lambda i: i.resolved),
        "assignee": maybe(lambda i: i.assignee, values.user),
        "reporter": maybe(lambda i: i.reporter, values.user),
        "creator": maybe(lambda i: i.reporter, values.user),
        "created": moment(lambda i: i.created),
        "updated": moment(lambda i: i.updated),
        "duedate": lambda i: encode(i.due),
        "labels": lambda i: encode(i.labels),
        "components": lambda i: array(i.components, lambda v: of(v, values.component)),
        "fixVersions": lambda i: array(i.fix_versions, lambda v: of(v, values.version)),
        "versions": lambda i: array(i.versions, lambda v: of(v, values.version)),
        "parent": _parent(values, store),
        "epic_link": key_of_parent(0),
        "parent_link": key_of_parent(1),
        "sprint": lambda i: array(i.sprints, lambda s: of(s, values.sprint)) if i.sprints else NULL,
        "rank": lambda i: b'"0|i%05x:"' % (i.id % 0xFFFFF),
        "subtasks": _subtasks(values, store),
        "issuelinks": _links(values, store),
        "description": lambda i: NULL if (t := store.description(i)) is None else values.text(t),
        "comment": _comments(values, store, talk),
        "worklog": _worklogs(store, talk),
        "attachment": lambda i: b"[]",
        "timetracking": _tracking,
        "timespent": lambda i: encode(i.spent),
        "timeoriginalestimate": lambda i: encode(i.estimate),
        "timeestimate": lambda i: encode(i.left),
        "progress": lambda i: (
            b'{"progress":%d,"total":%d}' % (i.spent or 0, max(i.spent or 0, i.estimate or 0))
        ),
        "votes": lambda i: (
            b'{"self":"%b/issue/%b/votes","votes":%d,"hasVoted":false}'
            % (values.rest_bytes, i.key.encode(), i.seed % 4)
        ),
        "watches": lambda i: (
            b'{"self":"%b/issue/%b/watchers","watchCount":%d,"isWatching":false}'
            % (values.rest_bytes, i.key.encode(), i.seed % 7)
        ),
        "workratio": lambda i: b"-1" if not i.estimate else b"%d" % ((i.spent or 0) * 100 // i.estimate),
    }


def _parent(values: Values, store: Store) -> Piece:
    cloud = values.dialect.cloud

    def piece(issue: Issue) -> bytes:
        # Data Center knows this edge for sub-tasks only; Epic Link and Parent Link are fields of their own.
        if issue.parent is None or (not cloud and issue.type.level >= 0):
            return NULL
        parent = store.issues[issue.parent]
        return values.compact(parent, store.may_see(parent))

    return piece


def _subtasks(values: Values, store: Store) -> Piece:
    def piece(issue: Issue) -> bytes:
        found = [store.issues[i] for i in store.children.get(issue.id, ())]
        shown = [i for i in found if i.type is c.SUBTASK and store.may_see(i)]
        return b"[" + b",".join([values.compact(i, True) for i in shown]) + b"]"

    return piece


def _links(values: Values, store: Store) -> Piece:
    def show(kind: Any) -> dict[str, Any]:
        url = f"{values.rest}/issueLinkType/{kind.id}"
        return {"id": str(kind.id), "name": kind.name, **dict(kind.more), "self": url}

    def piece(issue: Issue) -> bytes:
        made = []
        for link in store.links.get(issue.id, ()):
            outward = link.source == issue.id
            other = store.issues[link.target if outward else link.source]
            if not store.may_see(other):
                continue  # Jira leaves out links whose other end may not be seen
            compact = values.compact(other, True)
            made.append(
                b'{"id":"%d","self":"%b/issueLink/%d","type":%b,"%bIssue":%b}'
                % (
                    link.id,
                    values.rest_bytes,
                    link.id,
                    values.bytes_of(link.type, show),
                    b"outward" if outward else b"inward",
                    compact,
                )
            )
        return b"[" + b",".join(made) + b"]"

    return piece


def _comments(values: Values, store: Store, talk: Talk) -> Piece:
    def piece(issue: Issue) -> bytes:
        found = store.comments(issue)
        # An issue of Cloud shows its first twenty.
        shown = found[:20] if values.dialect.cloud else found
        inside = b",".join([talk.comment(issue, comment) for comment in shown])
        return b'{"comments":[%b],"self":"%b/issue/%d/comment","maxResults":%d,"total":%d,"startAt":0}' % (
            inside, values.rest_bytes, issue.id, len(shown), len(found),
        )  # fmt: skip

    return piece


def _worklogs(store: Store, talk: Talk) -> Piece:
    def piece(issue: Issue) -> bytes:
        found = store.worklogs(issue)
        # An issue shows its first twenty; the rest are read from an endpoint of their own.
        inside = b",".join([talk.worklog(issue, log) for log in found[:20]])
        return b'{"startAt":0,"maxResults":20,"total":%d,"worklogs":[%b]}' % (len(found), inside)

    return piece


def _tracking(issue: Issue) -> bytes:
    made: dict[str, Any] = {}
    if issue.estimate is not None:
        made |= {"originalEstimate": span(issue.estimate), "originalEstimateSeconds": issue.estimate}
    if issue.left is not None:
        made |= {"remainingEstimate": span(issue.left), "remainingEstimateSeconds": issue.left}
    if issue.spent is not None:
        made |= {"timeSpent": span(issue.spent), "timeSpentSeconds": issue.spent}
    return encode(made)
