"""Text from anywhere: cut to a length, shown safely in one line, and compared with what is known."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from datetime import datetime, time
from enum import Enum

from schedkit.values.scalars import plain_text
from schedkit.values.synonyms import same_meaning

__all__ = [
    "clean",
    "clip",
    "counted",
    "did_you_mean",
    "label_text",
    "near_matches",
    "one_line",
    "printable",
    "safe_repr",
]

ELLIPSIS = "…"


def clip(text: str, limit: int) -> str:
    """Return `text` with at most `limit` characters; a cut one ends with an ellipsis.

    Examples
    --------
    >>> clip("a long sentence", 8)
    'a long …'
    """
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + ELLIPSIS


def one_line(text: str, limit: int = 300) -> str:
    """Return `text` on one line, without control characters, cut to `limit` characters."""
    # A terminal obeys control characters, so none of a site's may reach it.
    line = " ".join(text[: limit * 4].split())
    return clip(printable(line), limit)


def printable(text: str) -> str:
    """Return `text` without control characters but for its line breaks: what a terminal only shows.

    Examples
    --------
    >>> printable("one\\r\\ntwo\\x1b[31m")
    'one\\ntwo\ufffd[31m'
    """
    lines = text.expandtabs(4).splitlines()
    return "\n".join("".join(char if char.isprintable() else "\ufffd" for char in line) for line in lines)


def clean(text: str) -> str:
    """Return text that any database can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def safe_repr(value: object, limit: int = 120) -> str:
    """Return ``repr(value)`` for a message: never raises, bounded in length and depth, one line.

    Examples
    --------
    >>> safe_repr({"a": [1, 2]})
    "{'a': [1, 2]}"
    """
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = limit
    short.maxdict = short.maxlist = short.maxtuple = short.maxset = 10
    try:
        text = short.repr(value)
    except Exception as failure:  # its repr is code of its own
        text = f"<{type(value).__name__}, whose repr raised {type(failure).__name__}>"
    return one_line(text, limit)


def near_matches(name: object, known: Iterable[object], most: int = 3, *, least: float = 0.6) -> list[str]:
    """Return the known names that `name` may be a misspelling of, the nearest first; case does not count.

    `least` is how alike they must be, 0 to 1.
    """
    by_fold: dict[str, str] = {}
    for each in known:
        by_fold.setdefault(str(each).casefold(), str(each))
    # Comparing is quadratic in the length; a misspelt name is not hundreds of characters long.
    asked = str(name).strip().casefold()[:200]
    found = difflib.get_close_matches(asked, by_fold, n=most, cutoff=least)
    alike = {each: difflib.SequenceMatcher(None, each, asked).ratio() for each in found}
    # What is much less alike than the best is noise.
    return [by_fold[each] for each in found if alike[each] > alike[found[0]] - 0.1]


def counted(number: int, thing: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "task"), counted(20, "run")
    ('1 task', '20 runs')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def label_text(label: object) -> str:
    """Return a column's label as text; a date needs no time of day, an enumeration's member is its value.

    Examples
    --------
    >>> from datetime import datetime
    >>> label_text(datetime(2026, 11, 1)), label_text(datetime(2026, 11, 1, 9, 30)), label_text(7)
    ('2026-11-01', '2026-11-01 09:30:00', '7')
    """
    if isinstance(label, Enum):  # as cells do
        label = label.value
    if isinstance(label, datetime) and label.tzinfo is None and label.time() == time.min:
        return label.date().isoformat()
    return plain_text(label) if isinstance(label, str) else str(label)


def did_you_mean(
    name: object, known: Iterable[object], *, otherwise: str | None = None, option: bool = False
) -> str:
    """Return the hint for an unknown name: near matches, else `otherwise`, else all that are known.

    Of an `option` also what other libraries call so, unless a misspelling is more likely.

    Examples
    --------
    >>> did_you_mean("timout", ["timeout", "retry"])
    "did you mean 'timeout'?"
    >>> did_you_mean("x", ["timeout", "retry"])
    'known: timeout, retry'
    >>> did_you_mean("max_results", ["jql", "limit"], option=True)
    "did you mean 'limit'?"
    """
    names = [str(each) for each in known]
    near = (
        near_matches(name, names, least=0.85)
        or (option and same_meaning(name, names))
        or near_matches(name, names)
    )
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    if otherwise is not None:
        return otherwise
    return f"known: {clip(', '.join(names), 400)}" if names else "there are none"
