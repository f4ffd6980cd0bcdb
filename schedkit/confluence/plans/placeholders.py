"""The placeholders of a page: the content between two anchors, or in the table behind one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from schedkit.confluence.markup import Formatted, Link, Lozenge, Mention, anchor, escape, time_tag
from schedkit.confluence.plans.edit import Draft, Edit, Replaced, TableEdit, place_at
from schedkit.confluence.source.difference import difference
from schedkit.confluence.source.locate import PageIndex, locate
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.regions import Anchor, Region
from schedkit.confluence.source.storage import check, splice
from schedkit.confluence.tables.arguments import rules
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.moments import moment
from schedkit.confluence.tables.render import Rendered, is_missing, render
from schedkit.confluence.tables.row_writer import Accepted, says
from schedkit.confluence.tables.rules import Missing, Rules
from schedkit.errors import MalformedPageError, RegionError, UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "END",
    "NAME",
    "BlockChange",
    "BlockEdit",
    "Managed",
    "PageEdit",
    "between",
    "inline",
    "managed",
    "page_edit",
    "placeholder_name",
    "plain",
]

NAME = r"[A-Za-z][A-Za-z0-9_-]*"
END = "-end"


@check_keywords
@dataclass(frozen=True)
class Managed:
    """A frame as the value of a placeholder: a table that later fillings merge into.

    The parameters are those of `Table.replace`.
    """

    df: pd.DataFrame
    key: str | Sequence[str] | None = None
    keep: str | Sequence[str] = ()
    drop: str | Sequence[str] = ()
    columns: str | Sequence[str] | None = None
    missing: Missing | None = None
    cap: int | None = 500
    workbook: str | None = None
    min_rows: int = 1
    max_drop: str | float | None = 0.5
    look: Look = field(default_factory=Look)

    def rendered(self, cloud: bool) -> tuple[Rendered, Rules]:
        """Return the rows as cells, and the rules by which they are merged with what is on the page."""
        if not isinstance(self.look, Look):
            raise UsageError(
                f"look={safe_repr(self.look, 60)} is not a Look", hint='look=Look(dates=["Due"])'
            )
        look = replace(self.look, cloud=cloud)
        how = rules(
            key=self.key, keep=self.keep, drop=self.drop, columns=self.columns, missing=self.missing,
            cap=self.cap, workbook=self.workbook, min_rows=self.min_rows, max_drop=self.max_drop,
            today=look.today,
        )  # fmt: skip
        return render(self.df, key=self.key, columns=self.columns, look=look), how


@dataclass(frozen=True)
class BlockChange:
    """What a placeholder other than a table said, and says; a fixed one was set when the page was made."""

    name: str
    before: str
    after: str
    changed: bool
    fixed: bool = False


@dataclass(frozen=True)
class BlockEdit:
    """Put `storage` between the anchors `name` and `name-end`.

    `create` says where to put them on a page that does not have them: ``"end"``, or behind a region's table.
    """

    name: str
    storage: str
    accepted: Accepted = frozenset()
    create: Region | str | None = None

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edit, to which more stored forms say what is to be said."""
        return replace(self, accepted=self.accepted | accepted)

    def __call__(self, source: str, what: str) -> Draft:
        check(source, what)
        page = PageIndex(source)
        if self.create and self.name not in page.anchor_macros:
            return self._created(page, self.create, what)
        start, end = between(page, self.name, what)
        before = source[start:end]
        changed = not says(before, self.storage, self.accepted, self.name)
        edits = [(start, end, self.storage)] if changed else []
        draft = Draft(
            source,
            splice(source, edits),
            edits,
            BlockChange(self.name, text(before), text(self.storage), changed),
            [Replaced(self.name, before, self.storage)] if changed else [],
        )
        if draft.changed:
            check(draft.new, f"what would become of {what}")
        return draft

    def _created(self, page: PageIndex, where: Region | str, what: str) -> Draft:
        at = place_at(page, where, what) if isinstance(where, str) else locate(page, where, what).end
        block = f"<p>{anchor(self.name)}{self.storage}{anchor(self.name + END)}</p>"
        change = BlockChange(self.name, "", text(self.storage), True)
        edits = [(at, at, block)]
        draft = Draft(page.source, splice(page.source, edits), edits, change, structural=True)
        check(draft.new, f"what would become of {what}")
        return draft


@dataclass(frozen=True)
class FixedValue:
    """A placeholder that was set when the page was made: its place is not known any more."""

    name: str

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same: nothing is compared."""
        return self

    def __call__(self, source: str, what: str) -> Draft:
        return Draft(source, source, [], BlockChange(self.name, "", "", False, fixed=True))


@dataclass(frozen=True)
class PageEdit:
    """Several edits as one; the report has one part per edit, in order."""

    edits: Sequence[Edit]

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edits, to which more stored forms say what is to be said."""
        return replace(self, edits=[edit.accepting(accepted) for edit in self.edits])

    def __call__(self, source: str, what: str) -> Draft:
        drafts: list[Draft] = []
        for edit in self.edits:
            drafts.append(edit(drafts[-1].new if drafts else source, what))
        replaced = [each for draft in drafts for each in draft.replaced]
        new = drafts[-1].new if drafts else source
        return Draft(
            source,
            new,
            difference(source, new),
            [draft.report for draft in drafts],
            replaced,
            any(draft.structural for draft in drafts),
        )


def page_edit(
    values: Mapping[str, Any], cloud: bool, *, fixed: Collection[str] = (), create: Collection[str] = ()
) -> PageEdit:
    """Return the edit that fills a page's placeholders again.

    Parameters
    ----------
    fixed : collection of str
        Those that were set when the page was made.
    create : collection of str
        Those that are put at the page's end where it has no such place.
    """
    edits: list[Edit] = []
    for name, value in values.items():
        table = managed(value)
        if name in fixed:
            edits.append(FixedValue(placeholder_name(name)))
        elif table is None:
            edits.append(
                BlockEdit(
                    placeholder_name(name), inline(name, value), create="end" if name in create else None
                )
            )
        else:
            rendered, how = table.rendered(cloud)
            where = "end" if name in create else None
            edits.append(TableEdit(Anchor(placeholder_name(name)), rendered, how, where))
    return PageEdit(edits)


def placeholder_name(name: object) -> str:
    """Return the name of a placeholder, checked."""
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise UsageError(f"invalid placeholder name {safe_repr(name)}", hint="use letters, digits, - and _")
    return name


def managed(value: Any) -> Managed | None:
    """Return a value that becomes a table; None for any other."""
    if isinstance(value, Managed):
        return value
    return Managed(value) if hasattr(value, "columns") and hasattr(value, "dtypes") else None


def inline(name: str, value: Any) -> str:
    """Return a placeholder's value as storage format: a scalar, several of them, or a markup value.

    Raises
    ------
    UsageError
        If it is something else, of which a page would show what Python calls it.
    """
    storage = getattr(value, "storage", None)
    if isinstance(storage, str):
        return Formatted(storage)
    if is_missing(value):
        return ""
    if isinstance(value, datetime):
        return escape(moment(value, Look()))
    if isinstance(value, date):
        return time_tag(value.isoformat())
    if isinstance(value, _TEXTS) or type(value).__name__ == "Period":
        return escape(str(value))
    if isinstance(value, list | tuple):
        parts = [inline(name, each) for each in value]
        joined = ", ".join(part for part in parts if part)
        return Formatted(joined) if any(isinstance(part, Formatted) for part in parts) else joined
    if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        return inline(name, value.item())
    raise UsageError(
        f"placeholder {name!r} cannot show a value of type {type(value).__name__}",
        hint="give a text, a number, a date, a list of them, a Link, Lozenge, Image, Chart or Markup, or a "
        "DataFrame as a table",
    )


# Scalars of which str() is what a person would write.
_TEXTS = (str, int, float, complex, Decimal, Fraction, time, timedelta, UUID, PurePath, Enum)


def plain(name: str, value: Any) -> str:
    """Return a placeholder's value as plain text, for a title or the parameter of a macro.

    Raises
    ------
    UsageError
        If it is a table.
    """
    if managed(value) is not None:
        raise UsageError(
            f"placeholder {name!r} is a table, where only text is allowed",
            hint="put it into a paragraph of its own: <p>{{ " + name + " }}</p>",
        )
    if isinstance(value, Link | Lozenge):
        return value.text
    if isinstance(value, Mention):
        return value.id
    return text(inline(name, value))


def between(page: PageIndex, name: str, what: str) -> tuple[int, int]:
    """Return where the content of a placeholder starts and ends.

    Raises
    ------
    RegionError
        If the page has no single place of it.
    """
    start = [macro for found, macro in page.anchors if found == name]
    end = [macro for found, macro in page.anchors if found == name + END]
    if len(start) != 1 or len(end) != 1 or end[0].start < start[0].end:
        raise RegionError(
            f"{what} has no single place of the placeholder {name!r}: "
            f"{len(start)} anchors {name!r}, {len(end)} anchors {name + END!r}",
            hint="put the two anchor macros around the place where it belongs",
        )
    try:
        check(page.source[start[0].end : end[0].start])
    except MalformedPageError:
        raise RegionError(
            f"{what}: the anchors {name!r} and {name + END!r} are in different paragraphs or cells",
            hint="put both into the same one",
        ) from None
    return start[0].end, end[0].start
