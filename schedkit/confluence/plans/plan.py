"""A change of a page, looked at before it is made."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schedkit import context
from schedkit.confluence.plans.edit import Draft, Edit, TableEdit
from schedkit.confluence.plans.new_page import NewPage, create, finish
from schedkit.confluence.plans.placeholders import BlockChange
from schedkit.confluence.plans.preview import as_html, as_text, changed_cells, summary
from schedkit.confluence.plans.result import Applied, applied
from schedkit.confluence.plans.update import Outcome, stored_as_sent, update
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.reading import lines
from schedkit.confluence.tables.arguments import a_flag, seconds
from schedkit.confluence.tables.rules import Change, Comment, Merged
from schedkit.loop import blocking, bridged
from schedkit.values.durations import Duration
from schedkit.values.text import clip

__all__ = ["AsyncPlan", "Plan"]

# Of a page that is new, a plan shows so many lines.
_LINES = 12


class AsyncPlan:
    """The async side of a `Plan`.

    `names` are the placeholders that the parts of the draft's report belong to; None: one table, by region.
    `new` says where the page belongs if it is made from a template; `state` is None if it is not there yet.
    """

    def __init__(
        self,
        server: Server,
        state: PageState | None,
        edit: Edit,
        draft: Draft,
        message: str,
        *,
        names: Sequence[str] | None = None,
        new: NewPage | None = None,
    ) -> None:
        self.server = server
        self.state = state
        self.edit = edit
        self.draft = draft
        self.message = message
        self.names = names
        self.new = new

    @bridged
    async def apply(self, *, deadline: Duration = 60.0, quiet: bool = True) -> Applied:
        """Make the change on the page as it is now, even if it was edited since the plan was made.

        Parameters
        ----------
        deadline : float or str
            Seconds (or ``"2m"``) to go on when others keep saving the page.
        quiet : bool
            Do not notify the page's watchers (Data Center; Cloud decides for itself).

        Raises
        ------
        ConflictError
            If others kept saving the page until the deadline.
        RegionError
            If the region has gone, or has become ambiguous.
        BadAnswerError
            If the site says that it stored a version, and the page does not show it.
        """
        limit = seconds(deadline, "deadline")
        a_flag(quiet, "quiet")
        started = time.monotonic()
        context.progress("update page", 0, 1)
        outcome = await self._outcome(limit, quiet)
        context.progress("update page", 1, 1)
        return applied(outcome, tables_of(outcome.draft), started, **self._facts(outcome.draft))

    async def _outcome(self, limit: float, quiet: bool) -> Outcome:
        state = self.state
        if state is None:
            assert self.new is not None
            made, state = await create(self.server, self.new, self.draft.new, time.monotonic() + limit)
            if made:
                await finish(self.server, self.new, state)
                altered = await stored_as_sent(self.server, state, self.edit, self.draft.new)
                return Outcome(state, self.draft, True, 1, 0, "identical", altered)
        outcome = await update(
            self.server, state.id, self.edit, message=self.message, quiet=quiet, deadline=limit
        )
        if self.new is not None:
            await finish(self.server, self.new, outcome.state)
        return outcome

    def _facts(self, draft: Draft) -> dict[str, Any]:
        if isinstance(self.edit, TableEdit):
            return {"region": str(self.edit.region)}
        return {"blocks": sum(part.changed for part in parts_of(draft) if isinstance(part, BlockChange))}


def parts_of(draft: Draft) -> list[Any]:
    """Return the report of each of a draft's edits."""
    if draft.report is None:
        return []
    return draft.report if isinstance(draft.report, list) else [draft.report]


def tables_of(draft: Draft) -> list[Merged]:
    """Return the reports of a draft's tables."""
    return [part for part in parts_of(draft) if isinstance(part, Merged)]


class Plan:
    """What a table, or the placeholders of a page, will become; nothing is written before `apply()`.

    Shown in a notebook it is one headline and the rows that differ, each changed cell as old → new.

    Examples
    --------
    >>> plan = page.table("anchor:open-bugs").replace(df, key="Key", keep=["Comment"])  # doctest: +SKIP
    >>> plan.changed_cells  # doctest: +SKIP
    3
    >>> plan.apply().version  # doctest: +SKIP
    18
    """

    def __init__(self, aio: AsyncPlan) -> None:
        self.aio = aio

    apply = blocking(AsyncPlan.apply)

    @property
    def _tables(self) -> list[Merged]:
        return tables_of(self.aio.draft)

    @property
    def page_id(self) -> str | None:
        """The page's id; None before it exists."""
        return None if self.aio.state is None else self.aio.state.id

    @property
    def title(self) -> str:
        """The page's title."""
        if self.aio.state is not None:
            return self.aio.state.title
        return self.aio.new.title if self.aio.new is not None else ""

    @property
    def version(self) -> int:
        """The version of the page the plan was made from; 0 before it exists."""
        return 0 if self.aio.state is None else self.aio.state.version

    @property
    def region(self) -> str:
        """The region of the table; empty for the placeholders of a page."""
        return str(self.aio.edit.region) if isinstance(self.aio.edit, TableEdit) else ""

    @property
    def creates(self) -> bool:
        """Whether there is no such page yet."""
        return self.aio.state is None

    @property
    def changed(self) -> bool:
        """Whether applying it would write."""
        return self.creates or self.aio.draft.changed

    @property
    def changes(self) -> list[Change]:
        """The cells that will differ, new rows' cells included."""
        return [change for table in self._tables for change in table.changes]

    @property
    def changed_cells(self) -> int:
        """How many cells of rows that stay will differ."""
        return sum(map(changed_cells, self._tables))

    @property
    def added(self) -> list[str]:
        """Keys of new rows."""
        return [key for table in self._tables for key in table.added]

    @property
    def removed(self) -> list[str]:
        """Keys of rows that go."""
        return [key for table in self._tables for key in table.removed]

    @property
    def archived(self) -> list[str]:
        """Keys of rows that have left the frame and move to the archived block."""
        return [key for table in self._tables for key in table.archived]

    @property
    def marked(self) -> list[str]:
        """Keys of rows that have left the frame and are marked as missing."""
        return [key for table in self._tables for key in table.marked]

    @property
    def carried(self) -> list[str]:
        """Columns of the page that belong to people."""
        return [name for table in self._tables for name in table.carried]

    @property
    def hidden(self) -> int:
        """Rows of the frame that the cap leaves out."""
        return sum(table.hidden for table in self._tables)

    @property
    def comments(self) -> list[Comment]:
        """The inline comments whose marked words change or leave."""
        return [comment for table in self._tables for comment in table.comments]

    @property
    def columns_added(self) -> list[str]:
        """Columns that a table gains."""
        return [name for table in self._tables for name in table.columns_added]

    @property
    def columns_removed(self) -> list[str]:
        """Columns that a table loses."""
        return [name for table in self._tables for name in table.columns_removed]

    @property
    def notes(self) -> list[str]:
        """What is worth knowing before applying."""
        return [*self.aio.draft.notes, *(note for table in self._tables for note in table.notes)]

    @property
    def source(self) -> str:
        """The whole page as it would be stored."""
        return self.aio.draft.new

    def __repr__(self) -> str:
        if isinstance(self.aio.edit, TableEdit):
            return as_text(self._table_title(), replace(self._tables[0], notes=self.notes))
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        if isinstance(self.aio.edit, TableEdit):
            table = replace(self._tables[0], notes=self.notes)
            return as_html(self._table_title(), self.source, self.aio.edit.region, table)
        head, *rest = (html.escape(line) for line in self._lines())
        return f"<div><p><b>{head}</b></p>" + "".join(f"<p>{line}</p>" for line in rest) + "</div>"

    def _table_title(self) -> str:
        return f"page {self.page_id} {self.title!r}, {self.region}"

    def _lines(self) -> list[str]:
        """Return a line per placeholder, below what becomes of the page."""
        if self.aio.state is None:
            assert self.aio.new is not None
            shown = [clip(line, 100) for line in lines(self.source)]
            more = [f"… {len(shown) - _LINES} further lines"] if len(shown) > _LINES else []
            return [f"creates page {self.title!r} under {self.aio.new.parent}", *shown[:_LINES], *more]
        head = f"page {self.page_id} {self.title!r}, version {self.version}"
        parts = zip(self.aio.names or (), parts_of(self.aio.draft), strict=True)
        return [
            head,
            *(f"{name}: {_told(part)}" for name, part in parts),
            *(f"note: {n}" for n in self.notes),
        ]


def _told(part: Any) -> str:
    if isinstance(part, Merged):
        return summary(part)
    if part.fixed:
        return "set when the page was made"
    return f"{part.before or 'empty'} → {part.after or 'empty'}" if part.changed else "nothing to change"
