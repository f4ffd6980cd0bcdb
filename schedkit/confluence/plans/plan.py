"""A change of one table, looked at before it is made."""

from __future__ import annotations

import time

from schedkit import context
from schedkit.confluence.plans.edit import Draft, TableEdit
from schedkit.confluence.plans.preview import as_html, as_text, changed_cells
from schedkit.confluence.plans.result import Applied, applied
from schedkit.confluence.plans.update import update
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.tables.rules import Change, Comment, Merged
from schedkit.loop import blocking, bridged

__all__ = ["AsyncPlan", "Plan"]


class AsyncPlan:
    """The async face of a `Plan`."""

    def __init__(self, server: Server, state: PageState, edit: TableEdit, draft: Draft, message: str) -> None:
        self.server = server
        self.state = state
        self.edit = edit
        self.draft = draft
        self.message = message

    @bridged
    async def apply(self, *, deadline: float = 60.0, quiet: bool = True) -> Applied:
        """Make the change on the page as it is now, whoever has edited it since the plan was made.

        Parameters
        ----------
        deadline : float
            Seconds to go on when others keep saving the page.
        quiet : bool
            Do not notify the page's watchers (Data Center; Cloud decides for itself).

        Raises
        ------
        ConflictError
            If others kept saving the page until the deadline.
        RegionError
            If the region has gone, or has become ambiguous.
        """
        started = time.monotonic()
        context.progress("update page", 0, 1)
        outcome = await update(
            self.server, self.state.id, self.edit, message=self.message, quiet=quiet, deadline=deadline
        )
        context.progress("update page", 1, 1)
        return applied(outcome, [outcome.draft.report], started, region=str(self.edit.region))


class Plan:
    """What a table of a page will become; nothing is written before `apply()`.

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
    def _merged(self) -> Merged:
        merged: Merged = self.aio.draft.report
        return merged

    @property
    def page_id(self) -> str:
        return self.aio.state.id

    @property
    def title(self) -> str:
        return self.aio.state.title

    @property
    def version(self) -> int:
        """The version of the page the plan was made from."""
        return self.aio.state.version

    @property
    def region(self) -> str:
        return str(self.aio.edit.region)

    @property
    def changed(self) -> bool:
        """Whether applying it would write."""
        return self.aio.draft.changed

    @property
    def changes(self) -> list[Change]:
        """The cells that will differ, new rows' cells included."""
        return self._merged.changes

    @property
    def changed_cells(self) -> int:
        """How many cells of rows that stay will differ."""
        return changed_cells(self._merged)

    @property
    def added(self) -> list[str]:
        """Keys of new rows."""
        return self._merged.added

    @property
    def removed(self) -> list[str]:
        """Keys of rows that go."""
        return self._merged.removed

    @property
    def archived(self) -> list[str]:
        """Keys of rows that have left the frame and move to the archived block."""
        return self._merged.archived

    @property
    def carried(self) -> list[str]:
        """Columns of the page that belong to people."""
        return self._merged.carried

    @property
    def hidden(self) -> int:
        """Rows of the frame that the cap leaves out."""
        return self._merged.hidden

    @property
    def comments(self) -> list[Comment]:
        """The inline comments whose marked words change or leave."""
        return self._merged.comments

    @property
    def columns_added(self) -> list[str]:
        """Columns that the table gains."""
        return self._merged.columns_added

    @property
    def columns_removed(self) -> list[str]:
        """Columns that the table loses."""
        return self._merged.columns_removed

    @property
    def notes(self) -> list[str]:
        """What is worth knowing before applying."""
        return self._merged.notes

    @property
    def source(self) -> str:
        """The whole page as it would be stored."""
        return self.aio.draft.new

    def _title(self) -> str:
        return f"page {self.page_id} {self.title!r}, {self.region}"

    def __repr__(self) -> str:
        return as_text(self._title(), self._merged)

    def _repr_html_(self) -> str:
        return as_html(self._title(), self.source, self.aio.edit.region, self._merged)
