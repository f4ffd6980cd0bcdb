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
from schedkit.confluence.plans.placeholders import BlockChange, PageEdit
from schedkit.confluence.plans.preview import as_html, as_text, changed_cells, page_lines
from schedkit.confluence.plans.result import Applied, applied
from schedkit.confluence.plans.update import Outcome, stored_as_sent, unconfirmed, update
from schedkit.confluence.site.attachment import File, attach
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.lost_answers import add_words
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.regions import Anchor
from schedkit.confluence.tables.arguments import a_flag, seconds
from schedkit.confluence.tables.rules import Change, Comment, Merged
from schedkit.errors import SiteError
from schedkit.loop import blocking, on_own_loop
from schedkit.values.durations import Duration
from schedkit.values.text import clip

__all__ = ["AsyncPlan", "Plan"]

# Of a page that is new, a plan shows so many lines.
_LINES = 12


class AsyncPlan:
    """The async side of a `Plan`.

    `names` are the placeholders that the parts of the draft's report belong to; None: one table, by region.
    `new` says where the page belongs if it is made from a template; `state` is None if it is not there yet.
    `files` are attached when the plan is applied; `pending` names those that the page does not have yet.
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
        files: Sequence[File] = (),
        pending: Sequence[str] = (),
    ) -> None:
        self.server = server
        self.state = state
        self.edit = edit
        self.draft = draft
        self.message = message
        self.names = names
        self.new = new
        self.files = files
        self.pending = pending

    @property
    def table(self) -> TableEdit | None:
        """The edit of the one table, by region; None for the placeholders of a page."""
        first = self.edit.edits[0] if isinstance(self.edit, PageEdit) and self.names is None else self.edit
        return first if isinstance(first, TableEdit) else None

    @on_own_loop
    async def apply(self, *, deadline: Duration = 60.0, quiet: bool = True) -> Applied:
        """Make the change on the page as it is now, even if it was edited since the plan was made.

        Parameters
        ----------
        deadline : float or str
            Seconds (or ``"2m"``) to continue when others keep saving the page.
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
        # The page never shows an image that is not there.
        attached = [] if self.state is None else await self._attach(self.state.id, limit)
        outcome = await self._outcome(limit, quiet)
        if self.state is None and not outcome.unconfirmed:
            try:
                attached = await self._attach(outcome.state.id, limit)
            except SiteError as error:
                raise add_words(error, f"{outcome.state.name} itself is as planned") from None
        context.progress("update page", 1, 1)
        facts = self._facts(outcome.draft)
        return applied(outcome, tables_of(outcome.draft), started, attached=attached, **facts)

    async def _attach(self, page_id: str, limit: float) -> list[str]:
        """Attach the files; return the names of those of which a version was made."""
        made = [await attach(self.server, page_id, file, self.message, limit) for file in self.files]
        return [file.name for file in made if file.written]

    async def _outcome(self, limit: float, quiet: bool) -> Outcome:
        state, until = self.state, time.monotonic() + limit
        if state is None:
            assert self.new is not None
            made, state = await create(self.server, self.new, self.draft.new, until)
            if made:
                return await self._created(self.new, state, until)
        outcome = await update(
            self.server, state.id, self.edit, message=self.message, quiet=quiet, deadline=limit
        )
        if self.new is not None and not outcome.unconfirmed:
            await finish(self.server, self.new, outcome.state, until)
        return outcome

    async def _created(self, new: NewPage, sent: PageState, until: float) -> Outcome:
        """Look at a page that the site says it made, and give it what belongs to it."""
        try:
            state = await self.server.read(sent.id)
        except SiteError as error:
            why = unconfirmed(sent, error)
            return Outcome(sent, self.draft, False, 1, 0, "unread", unconfirmed=why)
        await finish(self.server, new, state, until)
        altered = await stored_as_sent(self.server, state, self.edit, self.draft.new)
        return Outcome(state, self.draft, True, 1, 0, "identical", altered)

    def _facts(self, draft: Draft) -> dict[str, Any]:
        if self.table is not None:
            return {"region": str(self.table.region)}
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
    """The planned changes of a table, or of the placeholders of a page; nothing is written before `apply()`.

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
        return "" if self.aio.table is None else str(self.aio.table.region)

    @property
    def creates(self) -> bool:
        """Whether there is no such page yet."""
        return self.aio.state is None

    @property
    def changed(self) -> bool:
        """Whether applying it would write."""
        return self.creates or self.aio.draft.changed or bool(self.aio.pending)

    @property
    def attaches(self) -> list[str]:
        """The charts that the page does not have yet, or has with other content."""
        return list(self.aio.pending)

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
        """Keys of rows that are removed."""
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
        tables = [note for table in self._tables for note in table.notes]
        return [*self.aio.draft.notes, *self._charts(), *tables]

    @property
    def source(self) -> str:
        """The whole page as it would be stored."""
        return self.aio.draft.new

    def __repr__(self) -> str:
        if self.aio.table is not None:
            return as_text(self._table_title(), self._table(), self._besides())
        if self.aio.state is None:
            return "\n".join(self._new_page())
        head, *notes = self._head()
        drawn = [_part_text(name, part) for name, part in self._parts()]
        return "\n".join([head, *drawn, *notes])

    def _repr_html_(self) -> str:
        if self.aio.table is not None:
            title, region = self._table_title(), self.aio.table.region
            return as_html(title, self.source, region, self._table(), self._besides())
        drawn: list[str] = []
        if self.aio.state is None:
            head, *rest = self._new_page()
        else:
            head, *rest = self._head()
            drawn = [_part_html(self.source, name, part) for name, part in self._parts()]
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in rest)
        return f"<div><p><b>{html.escape(head)}</b></p>{''.join(drawn)}{lines}</div>"

    def _table_title(self) -> str:
        return f"page {self.page_id} {self.title!r}, {self.region}"

    def _table(self) -> Merged:
        """The report of the one table, with all notes."""
        return replace(self._tables[0], notes=self.notes)

    def _besides(self) -> str:
        """Say what changes besides the one table."""
        images = [part for part in parts_of(self.aio.draft) if isinstance(part, BlockChange) and part.changed]
        return f"image {images[0].after!r} put on the page" if images else ", ".join(self._charts())

    def _charts(self) -> list[str]:
        return [f"chart {name!r} attached" for name in self.attaches]

    def _head(self) -> list[str]:
        """Return the lines above and below the placeholders of an existing page."""
        head = f"page {self.page_id} {self.title!r}, version {self.version}"
        return [head, *(f"note: {note}" for note in [*self.aio.draft.notes, *self._charts()])]

    def _parts(self) -> list[tuple[str, Any]]:
        return list(zip(self.aio.names or (), parts_of(self.aio.draft), strict=True))

    def _new_page(self) -> list[str]:
        assert self.aio.new is not None
        shown = [clip(line, 100) for line in page_lines(self.source)]
        more = [f"… {len(shown) - _LINES} further lines"] if len(shown) > _LINES else []
        charts = [f"note: {line}" for line in self._charts()]
        head = f"creates page {self.title!r} under {self.aio.new.parent}"
        return [head, *shown[:_LINES], *more, *charts]


def _part_text(name: str, part: Any) -> str:
    return as_text(name, part) if isinstance(part, Merged) else f"{name}: {_change_text(part)}"


def _part_html(source: str, name: str, part: Any) -> str:
    if isinstance(part, Merged):
        return as_html(name, source, Anchor(name), part)
    return f"<p>{html.escape(f'{name}: {_change_text(part)}')}</p>"


def _change_text(part: BlockChange) -> str:
    if part.fixed:
        return "set when the page was made"
    return f"{part.before or 'empty'} → {part.after or 'empty'}" if part.changed else "nothing to change"
