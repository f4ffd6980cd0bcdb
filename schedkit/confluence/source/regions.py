"""The five ways to name a region of a page, as values; each has a spelling as one string.

==================  ========================================================================
``anchor:bugs``     the first table behind the anchor macro `bugs`, before the next heading
``local-id:…``      the table (or the one table inside the macro) with this ``ac:local-id``
``macro:expand``    the one table inside this macro; ``macro:expand/Open bugs`` picks the macro
                    that has a parameter of this value
``heading:Bugs``    the one table between this heading and the next; ``heading:Bugs/2`` the second
``nth:1``           the first table of the page
==================  ========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

from schedkit.errors import RegionError
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

__all__ = ["Anchor", "Heading", "LocalId", "Macro", "Nth", "Region", "region"]


@check_keywords
@dataclass(frozen=True)
class Anchor:
    """The first table behind an anchor macro."""

    name: str

    def __str__(self) -> str:
        return f"anchor:{self.name}"


@check_keywords
@dataclass(frozen=True)
class LocalId:
    """The table with an ``ac:local-id``, or the one table in the macro that has it."""

    id: str

    def __str__(self) -> str:
        return f"local-id:{self.id}"


@check_keywords
@dataclass(frozen=True)
class Macro:
    """The one table in the body of a macro; `value` is one of the macro's parameters."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return f"macro:{self.name}" + (f"/{self.value}" if self.value is not None else "")


@check_keywords
@dataclass(frozen=True)
class Heading:
    """The n-th table between a heading and the next; without `n` the only one there."""

    text: str
    n: int | None = None

    def __str__(self) -> str:
        return f"heading:{self.text}" + (f"/{self.n}" if self.n is not None else "")


@check_keywords
@dataclass(frozen=True)
class Nth:
    """The n-th table of the page, from 1; tables inside cells do not count."""

    n: int

    def __str__(self) -> str:
        return f"nth:{self.n}"


Region = Anchor | LocalId | Macro | Heading | Nth

_HINT = "write anchor:NAME, local-id:ID, macro:NAME, heading:TEXT, heading:TEXT/2 or nth:1"


@check_keywords
def region(spelled: str | Region) -> Region:
    """Return the region that a string names.

    Raises
    ------
    RegionError
        If it does not name a region.

    Examples
    --------
    >>> region("heading:Open bugs/2")
    Heading(text='Open bugs', n=2)
    """
    if isinstance(spelled, Anchor | LocalId | Macro | Heading | Nth):
        return spelled
    if not isinstance(spelled, str):
        raise RegionError(f"{safe_repr(spelled, 60)} is not a region of a page", hint=_HINT)
    kind, _, rest = spelled.partition(":")
    rest = rest.strip()
    if not rest:
        raise RegionError(f"{spelled!r} is not a region of a page", hint=_HINT)
    head, slash, tail = rest.rpartition("/")
    match kind.strip():
        case "anchor":
            return Anchor(rest)
        case "local-id":
            return LocalId(rest)
        case "macro":
            name, _, value = rest.partition("/")
            return Macro(name.strip(), value.strip() or None)
        case "heading" if slash and tail.isdecimal() and int(tail) > 0:
            return Heading(head.strip(), int(tail))
        case "heading":
            return Heading(rest)
        case "nth" if rest.isdecimal() and int(rest) > 0:
            return Nth(int(rest))
    raise RegionError(f"{spelled!r} is not a region of a page", hint=_HINT)
