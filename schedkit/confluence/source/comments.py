"""Marks of inline comments: adding one changes a page's storage without a new version."""

from __future__ import annotations

from schedkit.confluence.source.reading import text
from schedkit.confluence.source.storage import attributes, splice, tag_pattern

__all__ = ["comments_in", "has_comments", "only_comments_added"]

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
