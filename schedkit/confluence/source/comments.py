"""Marks of inline comments: adding one changes a page's storage without a new version."""

from __future__ import annotations

from typing import NamedTuple

from schedkit.confluence.source.difference import difference
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.storage import attributes, check, splice, tag_pattern
from schedkit.errors import MalformedPageError

__all__ = ["carry_comments", "comments_in", "has_comments", "only_comments_changed"]

_TAG = "ac:inline-comment-marker"
_MARKS = tag_pattern(_TAG)


def has_comments(markup: str) -> bool:
    """Tell whether words of `markup` are marked by an inline comment."""
    return _TAG in markup and bool(_marks(markup))


def comments_in(markup: str) -> dict[str, str]:
    """Return the inline comments of `markup`: their reference, and the words they mark."""
    found: dict[str, str] = {}
    if _TAG not in markup:
        return found
    open_at: list[tuple[str, int]] = []
    for match in _MARKS.finditer(markup):
        if match[2] is None:
            continue
        if match[1]:
            ref, begin = open_at.pop()
            found[ref] = " ".join(filter(None, (found.get(ref), text(markup[begin : match.start()]))))
        elif match[3].endswith("/"):
            found.setdefault(attributes(match[3]).get("ac:ref", ""), "")
        else:
            open_at.append((attributes(match[3]).get("ac:ref", ""), match.end()))
    return found


class _Mark(NamedTuple):
    """A tag of a mark: its place in the text without marks, the tag, its comment."""

    at: int
    tag: str
    ref: str


def only_comments_changed(before: str, late: str) -> bool:
    """Tell whether two checked pages differ in marks of inline comments, and in nothing else."""
    return before != late and _lifted(before)[0] == _lifted(late)[0]


def carry_comments(base: str, marked: str, now: str) -> str | None:
    """Return the page `now` with the marks that `marked` has, and with those that it gained since `base`.

    `marked` is `base` with other marks. None where words that are marked were changed since.
    """
    (plain, known), (same, wanted), (present, there) = map(_lifted, (base, marked, now))
    if plain != same:
        return None
    refs = {mark.ref for mark in known}
    gained = [mark for mark in there if mark.ref not in refs]
    restored = {mark.ref for mark in gained}
    spans = difference(plain, present)
    moved = [_moved(mark, spans) for mark in wanted if mark.ref not in restored]
    if None in moved:
        return None
    marks = gained + [mark for mark in moved if mark is not None]
    carried = splice(present, [(mark.at, mark.at, mark.tag) for mark in sorted(marks, key=_place)])
    try:
        check(carried)
    except MalformedPageError:
        return None
    return carried


def _place(mark: _Mark) -> int:
    return mark.at


def _moved(mark: _Mark, spans: list[tuple[int, int, str]]) -> _Mark | None:
    for start, end, content in spans:
        if start < mark.at < end:
            return None
        # What is inserted at the very edge of marked words is outside of them.
        if mark.at > end or (mark.at == end and (start < end or not mark.tag.startswith("</"))):
            return mark._replace(at=mark.at + len(content) - (end - start))
    return mark


def _lifted(source: str) -> tuple[str, list[_Mark]]:
    """Take the marks off a page; returns the text without them, and the marks."""
    marks: list[_Mark] = []
    taken = 0
    for ref, (start, end) in _marks(source):
        marks.append(_Mark(start - taken, source[start:end], ref))
        taken += end - start
    return splice(source, [(start, end, "") for _, (start, end) in _marks(source)]), marks


def _marks(source: str) -> list[tuple[str, tuple[int, int]]]:
    """Every tag of a mark, opening and closing ones with the comment they belong to."""
    found: list[tuple[str, tuple[int, int]]] = []
    stack: list[str] = []
    for match in _MARKS.finditer(source):
        if match[2] is None:
            continue
        if match[1]:
            found.append((stack.pop(), match.span()))
            continue
        ref = attributes(match[3]).get("ac:ref", "")
        found.append((ref, match.span()))
        if not match[3].endswith("/"):
            stack.append(ref)
    return found
