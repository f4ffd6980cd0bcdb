"""Issues as bytes: fields joined per field set, and kept until the issue changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schedkit.demo.jira.custom import Show, show
from schedkit.demo.jira.face import Values, encode
from schedkit.demo.jira.pieces import NULL, Piece, pieces
from schedkit.demo.jira.talk import Talk
from schedkit.demo.store import Store
from schedkit.demo.world.model import Issue

_EXPAND = b"renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"


@dataclass(frozen=True, slots=True)
class _Column:
    """One field of a field set: its name, and how to get its bytes."""

    name: bytes
    null: bytes
    slug: str | None
    piece: Piece | None
    show: Show | None


class Encoder:
    """Encodes issues for one dialect of the site, keeping at most `budget` bytes."""

    def __init__(self, values: Values, store: Store, budget: int = 1 << 30) -> None:
        self.values, self.store, self.talk = values, store, Talk(values, store.catalog.users)
        made = pieces(values, store, self.talk)
        self.columns: dict[str, _Column] = {}
        self.navigable: list[str] = []
        for field_id, field in values.fields:
            if field.slug == "issuekey":
                continue
            name = b'"%b":' % field_id.encode()
            custom = field.custom and field.slug not in made
            self.columns[field_id] = _Column(
                name,
                name + NULL,
                field.slug if custom else None,
                made.get(field.slug),
                show(values, field) if custom else None,
            )
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
            picked.update(self.columns if default == "*all" else self.navigable)
        for name in names:
            if name == "*all":
                picked.update(self.columns)
            elif name == "*navigable":
                picked.update(self.navigable)
            elif name.startswith("-"):
                picked.discard(name[1:])
            elif name in self.columns:
                picked.add(name)
        return tuple(field_id for field_id in self.columns if field_id in picked)

    def many(
        self, issues: Iterable[Issue], fields: tuple[str, ...], head: bytes = b"", tail: bytes = b""
    ) -> bytes:
        """Join issues to the inside of a JSON array, between `head` and `tail`: a page is copied once."""
        kept = self._kept.setdefault(fields, {})
        parts = []
        for issue in issues:
            made = kept.get(issue.id)
            if made is None:
                made = self.one(issue, fields) + b"}"
                if self._kept_bytes < self._budget:
                    kept[issue.id] = made
                    self._kept_bytes += len(made)
            parts.append(made)
        if not parts:
            return head + tail
        parts[0] = head + parts[0]
        parts[-1] += tail
        return b",".join(parts)

    def one(self, issue: Issue, fields: tuple[str, ...]) -> bytes:
        """One issue, its last brace left open for what an `expand` adds."""
        custom = issue.custom
        parts = []
        for field_id in fields:
            column = self.columns[field_id]
            if column.show is not None:
                value = custom.get(column.slug)  # type: ignore[arg-type]  # columns with `show` have a slug
                parts.append(column.null if value is None else column.name + column.show(value))
            elif column.piece is not None:
                parts.append(column.name + column.piece(issue))
            else:
                parts.append(column.null)
        return b'{"expand":"%b","id":"%d","self":"%b/issue/%d","key":%b,"fields":{%b}' % (
            _EXPAND,
            issue.id,
            self.values.rest_bytes,
            issue.id,
            encode(issue.key),
            b",".join(parts),
        )

    def histories(self, issue: Issue) -> list[bytes]:
        """The changelog, one encoded entry each, oldest first."""
        return [self.talk.history(entry) for entry in self.store.history(issue)]
