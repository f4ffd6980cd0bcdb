"""Issues as bytes: one small function per field, joined per field set and kept until the issue changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from schedkit.demo.jira.face import Values, encode
from schedkit.demo.store import Store
from schedkit.demo.world import catalog as c
from schedkit.demo.world.fields import BY_SLUG, Field
from schedkit.demo.world.model import Change, Comment, History, Issue, Worklog

_NULL = b"null"
_EXPAND = b"renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
Piece = Callable[[Issue], bytes]


class Encoder:
    """Encodes issues for one face of the site."""

    def __init__(self, values: Values, store: Store, budget: int = 1 << 30) -> None:
        self.values, self.store = values, store
        self.pieces: dict[str, Piece] = {}
        self.navigable: list[str] = []
        for field_id, field in values.fields:
            if field.slug == "issuekey":
                continue
            self.pieces[field_id] = self._piece(field)
            if field.navigable:
                self.navigable.append(field_id)
        self._kept: dict[tuple[str, ...], dict[int, bytes]] = {}
        self._kept_bytes, self._budget = 0, budget
        store.listeners.append(self.forget)

    def forget(self, issue_id: int) -> None:
        """Drop what is kept of an issue that changed."""
        for kept in self._kept.values():
            dropped = kept.pop(issue_id, None)
            if dropped is not None:
                self._kept_bytes -= len(dropped)

    def choose(self, wanted: Iterable[str] | None, default: str) -> tuple[str, ...]:
        """Turn a request's field list into field ids, in the site's order; unknown names are ignored."""
        names = [name.strip() for entry in (wanted or ()) for name in entry.split(",") if name.strip()]
        if not names:
            names = [default]
        picked: set[str] = set()
        if all(name.startswith("-") for name in names):
            picked.update(self.pieces if default == "*all" else self.navigable)
        for name in names:
            if name == "*all":
                picked.update(self.pieces)
            elif name == "*navigable":
                picked.update(self.navigable)
            elif name.startswith("-"):
                picked.discard(name[1:])
            elif name in self.pieces:
                picked.add(name)
        return tuple(field_id for field_id in self.pieces if field_id in picked)

    def many(self, issues: Iterable[Issue], fields: tuple[str, ...]) -> bytes:
        """Join issues to the inside of a JSON array."""
        kept = self._kept.get(fields)
        if kept is None:
            kept = self._kept[fields] = {}
        parts = []
        for issue in issues:
            made = kept.get(issue.id)
            if made is None:
                made = self.one(issue, fields) + b"}"
                if self._kept_bytes < self._budget:
                    kept[issue.id] = made
                    self._kept_bytes += len(made)
            parts.append(made)
        return b",".join(parts)

    def one(self, issue: Issue, fields: tuple[str, ...]) -> bytes:
        """One issue, its last brace left open for what an `expand` adds."""
        pieces = self.pieces
        inside = b",".join([b'"%b":%b' % (name.encode(), pieces[name](issue)) for name in fields])
        return b'{"expand":"%b","id":"%d","self":%b,"key":%b,"fields":{%b}' % (
            _EXPAND,
            issue.id,
            encode(f"{self.values.rest}/issue/{issue.id}"),
            encode(issue.key),
            inside,
        )

    # Fields ----------------------------------------------------------------

    def _piece(self, field: Field) -> Piece:
        if field.custom and field.kind in _CUSTOM:
            return _CUSTOM[field.kind](self, field.slug)
        made = getattr(self, f"_{field.slug}", None)
        if made is not None:
            return made  # type: ignore[no-any-return]  # looked up by name
        return lambda issue: _NULL

    def _summary(self, issue: Issue) -> bytes:
        return encode(issue.summary)

    def _issuetype(self, issue: Issue) -> bytes:
        return self.values.bytes_of(issue.type, self.values.issue_type)

    def _project(self, issue: Issue) -> bytes:
        return self.values.bytes_of(issue.project, self.values.project)

    def _status(self, issue: Issue) -> bytes:
        return self.values.bytes_of(issue.status, self.values.status)

    def _statusCategory(self, issue: Issue) -> bytes:  # noqa: N802  # named after the field
        return self.values.bytes_of(issue.status.category, self.values.category)

    def _statuscategorychangedate(self, issue: Issue) -> bytes:
        return self._time(issue.resolved or issue.updated)

    def _priority(self, issue: Issue) -> bytes:
        return _NULL if issue.priority is None else self.values.bytes_of(issue.priority, self.values.priority)

    def _resolution(self, issue: Issue) -> bytes:
        found = issue.resolution
        return _NULL if found is None else self.values.bytes_of(found, self.values.resolution)

    def _time(self, at: int | None) -> bytes:
        return _NULL if at is None else b'"' + self.values.time(at).encode() + b'"'

    def _resolutiondate(self, issue: Issue) -> bytes:
        return self._time(issue.resolved)

    def _created(self, issue: Issue) -> bytes:
        return self._time(issue.created)

    def _updated(self, issue: Issue) -> bytes:
        return self._time(issue.updated)

    def _duedate(self, issue: Issue) -> bytes:
        return encode(issue.due)

    def _user(self, user: Any) -> bytes:
        return _NULL if user is None else self.values.bytes_of(user, self.values.user)

    def _assignee(self, issue: Issue) -> bytes:
        return self._user(issue.assignee)

    def _reporter(self, issue: Issue) -> bytes:
        return self._user(issue.reporter)

    def _creator(self, issue: Issue) -> bytes:
        return self._user(issue.reporter)

    def _labels(self, issue: Issue) -> bytes:
        return encode(issue.labels)

    def _array(self, items: Iterable[Any], show: Callable[[Any], Any]) -> bytes:
        return b"[" + b",".join([self.values.bytes_of(item, show) for item in items]) + b"]"

    def _components(self, issue: Issue) -> bytes:
        return self._array(issue.components, self.values.component)

    def _fixVersions(self, issue: Issue) -> bytes:  # noqa: N802  # named after the field
        return self._array(issue.fix_versions, self.values.version)

    def _versions(self, issue: Issue) -> bytes:
        return self._array(issue.versions, self.values.version)

    def _sprint(self, issue: Issue) -> bytes:
        return self._array(issue.sprints, self.values.sprint) if issue.sprints else _NULL

    def _parent(self, issue: Issue) -> bytes:
        # Data Center knows this edge for sub-tasks only; Epic Link and Parent Link are fields of their own.
        if issue.parent is None or (not self.values.dialect.cloud and issue.type.level >= 0):
            return _NULL
        return self.values.compact(self.store.issues[issue.parent])

    def _epic_link(self, issue: Issue) -> bytes:
        return self._parent_key(issue, 0)

    def _parent_link(self, issue: Issue) -> bytes:
        return self._parent_key(issue, 1)

    def _parent_key(self, issue: Issue, level: int) -> bytes:
        if issue.parent is None or issue.type.level != level:
            return _NULL
        return encode(self.store.issues[issue.parent].key)

    def _subtasks(self, issue: Issue) -> bytes:
        found = [self.store.issues[i] for i in self.store.children.get(issue.id, ())]
        return b"[" + b",".join([self.values.compact(i) for i in found if i.type is c.SUBTASK]) + b"]"

    def _issuelinks(self, issue: Issue) -> bytes:
        made = []
        for link in self.store.links.get(issue.id, ()):
            end, other = ("outward", link.target) if link.source == issue.id else ("inward", link.source)
            shown = self.values.bytes_of(link.type, self._link_type)
            compact = self.values.compact(self.store.issues[other])
            url = encode(f"{self.values.rest}/issueLink/{link.id}")
            made.append(
                b'{"id":"%d","self":%b,"type":%b,"%bIssue":%b}' % (link.id, url, shown, end.encode(), compact)
            )
        return b"[" + b",".join(made) + b"]"

    def _link_type(self, kind: Any) -> dict[str, Any]:
        url = f"{self.values.rest}/issueLinkType/{kind.id}"
        return {"id": str(kind.id), "name": kind.name, **dict(kind.more), "self": url}

    def _description(self, issue: Issue) -> bytes:
        text = self.store.description(issue)
        return _NULL if text is None else self.values.text(text)

    def _comment(self, issue: Issue) -> bytes:
        found = self.store.comments(issue)
        inside = b",".join([self.comment(issue, comment) for comment in found])
        url = encode(f"{self.values.rest}/issue/{issue.id}/comment")
        total = len(found)
        return b'{"comments":[%b],"self":%b,"maxResults":%d,"total":%d,"startAt":0}' % (
            inside,
            url,
            total,
            total,
        )

    def comment(self, issue: Issue, comment: Comment) -> bytes:
        author = (
            b""
            if comment.author is None
            else b',"author":%b,"updateAuthor":%b' % ((self._user(comment.author),) * 2)
        )
        at = self._time(comment.at)
        head = b'{"self":%b,"id":"%d"' % (
            encode(f"{self.values.rest}/issue/{issue.id}/comment/{comment.id}"),
            comment.id,
        )
        tail = b',"jsdPublic":true}' if self.values.dialect.cloud else b"}"
        body = self.values.text(comment.text)
        return head + author + b',"body":%b,"created":%b,"updated":%b' % (body, at, at) + tail

    def _worklog(self, issue: Issue) -> bytes:
        found = self.store.worklogs(issue)
        inside = b",".join([self.worklog(issue, log) for log in found[:20]])
        return b'{"startAt":0,"maxResults":20,"total":%d,"worklogs":[%b]}' % (len(found), inside)

    def worklog(self, issue: Issue, log: Worklog) -> bytes:
        author, at = self._user(log.author), self._time(log.started)
        return (
            b'{"self":%b,"author":%b,"updateAuthor":%b,"comment":%b,"created":%b,"updated":%b,"started":%b,'
            b'"timeSpent":%b,"timeSpentSeconds":%d,"id":"%d","issueId":"%d"}'
        ) % (
            encode(f"{self.values.rest}/issue/{issue.id}/worklog/{log.id}"),
            author,
            author,
            self.values.text(log.text),
            at,
            at,
            at,
            encode(_span(log.seconds)),
            log.seconds,
            log.id,
            issue.id,
        )

    def field_id(self, change: Change) -> str:
        """The field of a change as this dialect names it."""
        field = BY_SLUG.get(change.field_id)
        return (self.values.id_of(field) if field is not None else None) or change.field_id

    def histories(self, issue: Issue) -> list[bytes]:
        """The changelog, one encoded entry each, oldest first."""
        return [self.history(entry) for entry in self.store.history(issue)]

    def history(self, entry: History) -> bytes:
        author = b"" if entry.author is None else b'"author":%b,' % self._user(entry.author)
        items = b",".join([encode(self._change(change)) for change in entry.changes])
        return b'{"id":"%d",%b"created":%b,"items":[%b]}' % (entry.id, author, self._time(entry.at), items)

    def _change(self, change: Change) -> dict[str, Any]:
        field = BY_SLUG.get(change.field_id)
        custom = field is not None and field.custom
        made: dict[str, Any] = {"field": change.field, "fieldtype": "custom" if custom else "jira"}
        if self.values.dialect.cloud:
            made["fieldId"] = self.field_id(change)
        return made | {
            "from": change.was,
            "fromString": change.was_text,
            "to": change.now,
            "toString": change.now_text,
        }

    def _attachment(self, issue: Issue) -> bytes:
        return b"[]"

    def _timetracking(self, issue: Issue) -> bytes:
        made: dict[str, Any] = {}
        if issue.estimate is not None:
            made |= {"originalEstimate": _span(issue.estimate), "originalEstimateSeconds": issue.estimate}
            left = max(0, issue.estimate - (issue.spent or 0))
            made |= {"remainingEstimate": _span(left), "remainingEstimateSeconds": left}
        if issue.spent is not None:
            made |= {"timeSpent": _span(issue.spent), "timeSpentSeconds": issue.spent}
        return encode(made)

    def _timespent(self, issue: Issue) -> bytes:
        return encode(issue.spent)

    def _timeoriginalestimate(self, issue: Issue) -> bytes:
        return encode(issue.estimate)

    def _timeestimate(self, issue: Issue) -> bytes:
        return encode(None if issue.estimate is None else max(0, issue.estimate - (issue.spent or 0)))

    def _progress(self, issue: Issue) -> bytes:
        return b'{"progress":%d,"total":%d}' % (issue.spent or 0, max(issue.spent or 0, issue.estimate or 0))

    def _votes(self, issue: Issue) -> bytes:
        url = encode(f"{self.values.rest}/issue/{issue.key}/votes")
        return b'{"self":%b,"votes":%d,"hasVoted":false}' % (url, issue.seed % 4)

    def _watches(self, issue: Issue) -> bytes:
        url = encode(f"{self.values.rest}/issue/{issue.key}/watchers")
        return b'{"self":%b,"watchCount":%d,"isWatching":false}' % (url, issue.seed % 7)

    def _workratio(self, issue: Issue) -> bytes:
        return b"-1" if not issue.estimate else b"%d" % ((issue.spent or 0) * 100 // issue.estimate)

    def _rank(self, issue: Issue) -> bytes:
        return b'"0|i%05x:"' % (issue.id % 0xFFFFF)


def _span(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    return " ".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m")) if n) or "0m"


def _simple(encoder: Encoder, slug: str) -> Piece:
    return lambda issue: encode(issue.custom.get(slug))


def _option(encoder: Encoder, slug: str) -> Piece:
    values = encoder.values

    def piece(issue: Issue) -> bytes:
        name = issue.custom.get(slug)
        return _NULL if name is None else values.bytes_of((slug, name), lambda _: values.option(slug, name))

    return piece


def _options(encoder: Encoder, slug: str) -> Piece:
    values = encoder.values

    def piece(issue: Issue) -> bytes:
        names = issue.custom.get(slug)
        return _NULL if not names else encode([values.option(slug, name) for name in names])

    return piece


def _cascading(encoder: Encoder, slug: str) -> Piece:
    values = encoder.values

    def piece(issue: Issue) -> bytes:
        pair = issue.custom.get(slug)
        if pair is None:
            return _NULL
        parent, child = pair
        made = values.option(slug, parent)
        return encode(made if child is None else made | {"child": values.option(slug, f"{parent}/{child}")})

    return piece


def _user(encoder: Encoder, slug: str) -> Piece:
    return lambda issue: encoder._user(issue.custom.get(slug))


def _users(encoder: Encoder, slug: str) -> Piece:
    def piece(issue: Issue) -> bytes:
        found = issue.custom.get(slug)
        return encoder._array(found, encoder.values.user) if found else _NULL

    return piece


def _versions(encoder: Encoder, slug: str) -> Piece:
    def piece(issue: Issue) -> bytes:
        found = issue.custom.get(slug)
        return encoder._array(found, encoder.values.version) if found else _NULL

    return piece


def _textarea(encoder: Encoder, slug: str) -> Piece:
    def piece(issue: Issue) -> bytes:
        text = issue.custom.get(slug)
        return _NULL if text is None else encoder.values.text(text)

    return piece


def _moment(encoder: Encoder, slug: str) -> Piece:
    return lambda issue: encoder._time(issue.custom.get(slug))


def _group(encoder: Encoder, slug: str) -> Piece:
    def piece(issue: Issue) -> bytes:
        name = issue.custom.get(slug)
        return (
            _NULL
            if name is None
            else encode({"name": name, "self": f"{encoder.values.rest}/group?groupname={name}"})
        )

    return piece


_CUSTOM: dict[str, Callable[[Encoder, str], Piece]] = {
    "number": _simple,
    "text": _simple,
    "date": _simple,
    "url": _simple,
    "labels": _simple,
    "select": _option,
    "multiselect": _options,
    "cascading": _cascading,
    "user": _user,
    "users": _users,
    "versions": _versions,
    "textarea": _textarea,
    "datetime": _moment,
    "group": _group,
}
