"""Marks of inline comments: adding one changes a page's storage without a new version."""

from __future__ import annotations

from schedkit.confluence.source.storage import attributes, splice, tag_pattern

__all__ = ["only_comments_added"]

_MARKS = tag_pattern("ac:inline-comment-marker")


def only_comments_added(before: str, late: str) -> bool:
    """Tell whether `late` is `before` with more marks of inline comments, and nothing else.

    Both are checked pages.
    """
    known = {ref for ref, _ in _marks(before)}
    added = [span for ref, span in _marks(late) if ref not in known]
    return bool(added) and splice(late, [(start, end, "") for start, end in added]) == before


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
