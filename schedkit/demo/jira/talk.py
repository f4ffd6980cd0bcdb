"""What people and machines left on an issue, encoded: comments, worklogs, changelog entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schedkit.demo.jira.face import Values, encode
from schedkit.demo.world.fields import BY_SLUG
from schedkit.demo.world.model import Change, Comment, History, Issue, User, Worklog


class Talk:
    """Encodes for one dialect of the site."""

    def __init__(self, values: Values, users: Iterable[User]) -> None:
        self.values = values
        # Data Center's histories name people by key.
        self._keys = {} if values.dialect.cloud else {u.account_id: values.user_key(u) for u in users}

    def comment(self, issue: Issue, comment: Comment, properties: bytes = b"") -> bytes:
        values = self.values
        author = b""
        if comment.author is not None:
            shown = values.bytes_of(comment.author, values.user)
            author = b',"author":%b,"updateAuthor":%b' % (shown, shown)
        at = values.time_bytes(comment.at)
        url = encode(f"{values.rest}/issue/{issue.id}/comment/{comment.id}")
        tail = properties + (b',"jsdPublic":true}' if values.dialect.cloud else b"}")
        body = values.text(comment.text)
        return b'{"self":%b,"id":"%d"%b,"body":%b,"created":%b,"updated":%b%b' % (
            url, comment.id, author, body, at, at, tail,
        )  # fmt: skip

    def worklog(self, issue: Issue, log: Worklog, properties: bytes = b"") -> bytes:
        values = self.values
        author = b"" if log.author is None else values.bytes_of(log.author, values.user)
        at = values.time_bytes(log.started)
        url = encode(f"{values.rest}/issue/{issue.id}/worklog/{log.id}")
        return (
            b'{"self":%b,"author":%b,"updateAuthor":%b,"comment":%b,"created":%b,"updated":%b,"started":%b,'
            b'"timeSpent":%b,"timeSpentSeconds":%d,"id":"%d","issueId":"%d"%b}'
        ) % (
            url, author, author, values.text(log.text), at, at, at, encode(span(log.seconds)), log.seconds,
            log.id, issue.id, properties,
        )  # fmt: skip

    def history(self, entry: History) -> bytes:
        values = self.values
        author = b""
        if entry.author is not None:
            author = b'"author":%b,' % values.bytes_of(entry.author, values.user)
        items = b",".join([encode(self._change(change)) for change in entry.changes])
        at = values.time_bytes(entry.at)
        return b'{"id":"%d",%b"created":%b,"items":[%b]}' % (entry.id, author, at, items)

    def _change(self, change: Change) -> dict[str, Any]:
        field = BY_SLUG.get(change.field_id)
        custom = field is not None and field.custom
        made: dict[str, Any] = {"field": change.field, "fieldtype": "custom" if custom else "jira"}
        # Cloud's items about keys, links and parents bear no field id.
        if self.values.dialect.cloud and (field_id := self.field_id(change)):
            made["fieldId"] = field_id
        return made | {
            "from": self._keys.get(change.was or "", change.was),
            "fromString": change.was_text,
            "to": self._keys.get(change.now or "", change.now),
            "toString": change.now_text,
        }

    def field_id(self, change: Change) -> str:
        """The field of a change as this dialect names it."""
        field = BY_SLUG.get(change.field_id)
        return (self.values.id_of(field) if field is not None else None) or change.field_id


def span(seconds: int) -> str:
    """A duration as Jira shows it: ``3h 30m``."""
    hours, minutes = divmod(seconds // 60, 60)
    return " ".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m")) if n) or "0m"
