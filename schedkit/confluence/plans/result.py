"""The outcome of an applied plan."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from schedkit import context
from schedkit.confluence.markup import is_web_address
from schedkit.confluence.plans.preview import changed_cells
from schedkit.confluence.plans.update import Outcome
from schedkit.confluence.tables.rules import Merged

__all__ = ["Applied", "applied"]

_AMBER = "border-left:4px solid #d97008;padding-left:6px"


@dataclass(frozen=True, repr=False)
class Applied:
    """The outcome of an applied plan.

    Attributes
    ----------
    page_id, title, url : str
        The page.
    version : int
        Its version now; of a write that is not confirmed, the one that was sent.
    written : bool
        Whether a new version was made, and read back. False: the page already said so, or `unconfirmed`.
    changed_cells, rows_added, rows_removed, rows_archived, rows_marked, rows_hidden : int
        Of the region, or of all placeholders; cells of new rows are not counted as changed.
    puts, conflicts : int
        Versions sent, and refused because someone else had saved meanwhile.
    outside : str
        The page outside the region, read back: ``identical``, ``rewritten`` by the site without a change
        of meaning, ``changed``, ``edited since`` by someone else, or ``unread`` because the site did not
        answer.
    seconds : float
        What it took.
    altered : tuple of str
        Cells (key and column) and placeholders that the site stored otherwise than they were sent.
    attached : tuple of str
        Charts of which a version was attached.
    unconfirmed : str
        Why it is not known whether the page was written: the site accepted the version, and did not show it
        afterwards. Empty otherwise. A further run writes only what is missing.
    """

    page_id: str
    title: str
    url: str
    version: int
    written: bool
    changed_cells: int
    rows_added: int
    rows_removed: int
    rows_archived: int
    rows_marked: int
    rows_hidden: int
    puts: int
    conflicts: int
    outside: str
    seconds: float
    altered: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    unconfirmed: str = ""

    def __repr__(self) -> str:
        address = f"\n  {self.url}" if self.url else ""
        told = f"\n  {self._told()}" if self.unconfirmed else ""
        return f"page {self.title!r}: {self._sentence()}{address}{told}"

    def _repr_html_(self) -> str:
        """Show the page as a link, and in one line what became of it."""
        name = html.escape(self.title)
        if is_web_address(self.url):
            name = f'<a href="{html.escape(self.url, quote=True)}" target="_blank" rel="noopener">{name}</a>'
        return f"<div>{name}: {html.escape(self._sentence())}{self._warning()}</div>"

    def _sentence(self) -> str:
        what = f"version {self.version} {'written' if self.written else 'not confirmed'}"
        if not self.written and not self.unconfirmed:
            what = f"nothing to change, version {self.version}"
        counts = [
            f"{count} {noun}{'s' if count != 1 else ''} {verb}"
            for count, noun, verb in (
                (self.rows_added, "row", "added"), (self.rows_removed, "row", "removed"),
                (self.rows_archived, "row", "archived"), (self.rows_marked, "row", "marked as missing"),
                (self.changed_cells, "cell", "changed"),
                (len(self.altered), "cell", "stored otherwise"), (len(self.attached), "chart", "attached"),
            )
            if count
        ]  # fmt: skip
        return ", ".join([what, *counts, *_outside(self.outside)])

    def _told(self) -> str:
        return f"{self.unconfirmed}. Run it again: it writes only what is missing."

    def _warning(self) -> str:
        if not self.unconfirmed:
            return ""
        return f'<div style="{_AMBER}">{html.escape(self._told())}</div>'


# What became of the page outside the region, in words; nothing to tell of what is as it was.
_OUTSIDE = {
    "identical": "",
    "rewritten": "the site rewrote the rest of the page without changing what it says",
    "changed": "the rest of the page changed",
    "edited since": "the rest of the page was edited since",
    "unread": "the page could not be read back",
}


def _outside(how: str) -> list[str]:
    words = _OUTSIDE.get(how, how)
    return [words] if words else []


def applied(
    outcome: Outcome,
    tables: Sequence[Merged],
    started: float,
    *,
    blocks: int = 0,
    region: str = "",
    attached: Sequence[str] = (),
) -> Applied:
    """Sum up an outcome, and report it to the listener."""
    made = Applied(
        page_id=outcome.state.id,
        title=outcome.state.title,
        url=outcome.state.url,
        version=outcome.state.version,
        written=outcome.written,
        changed_cells=sum(map(changed_cells, tables)) + blocks,
        rows_added=sum(len(table.added) for table in tables),
        rows_removed=sum(len(table.removed) for table in tables),
        rows_archived=sum(len(table.archived) for table in tables),
        rows_marked=sum(len(table.marked) for table in tables),
        rows_hidden=sum(table.hidden for table in tables),
        puts=outcome.puts,
        conflicts=outcome.conflicts,
        outside=outcome.outside,
        seconds=round(time.monotonic() - started, 3),
        altered=outcome.altered,
        attached=tuple(attached),
        unconfirmed=outcome.unconfirmed,
    )
    context.fact("page", {**asdict(made), **({"region": region} if region else {})})
    return made
