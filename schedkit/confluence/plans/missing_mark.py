"""The line at a page's start that says since when its value has no rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from schedkit.confluence.markup import Formatted, Lozenge, time_tag
from schedkit.confluence.plans.edit import Draft
from schedkit.confluence.plans.placeholders import BlockChange, BlockEdit, between
from schedkit.confluence.source.canonical import blank
from schedkit.confluence.source.locate import PageIndex
from schedkit.confluence.source.storage import check
from schedkit.confluence.tables.row_writer import Accepted

__all__ = ["MARK", "MissingMark"]

MARK = "schedkit-missing"


@dataclass(frozen=True)
class MissingMark:
    """Say at a page's start that there are no rows since the day `since`; without a day, say nothing.

    A page that says so already keeps the day on which it was marked.
    """

    since: str
    accepted: Accepted = frozenset()

    def accepting(self, accepted: Accepted) -> Self:
        """Return the same edit, to which more stored forms say what is to be said."""
        return type(self)(self.since, self.accepted | accepted)

    def __call__(self, source: str, what: str) -> Draft:
        check(source, what)
        page = PageIndex(source)
        there = MARK in page.anchor_macros
        marked = there and not blank(source[slice(*between(page, MARK, what))])
        if marked == bool(self.since):
            return Draft(source, source, [], BlockChange(MARK, "", "", False))
        words = Lozenge("No rows", "Yellow").storage + f" since {time_tag(self.since)}"
        storage = Formatted(words if self.since else "")
        return BlockEdit(MARK, storage, self.accepted, create="start")(source, what)
