"""A change of one table, looked at before it is made."""

from __future__ import annotations

import time

from schedkit import context
from schedkit.confluence.plans.applied import Applied, applied
from schedkit.confluence.plans.draft import Draft, TableEdit
from schedkit.confluence.plans.face import as_html, as_text
from schedkit.confluence.plans.write import update
from schedkit.confluence.site.dialect import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.tables.rules import Change, Merged
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

    Shown in a notebook it is the table as it will be, changed cells marked.

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
        return len(self._merged.changes)

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
        return as_text(self._title(), self.source, self.aio.edit.region, self._merged)

    def _repr_html_(self) -> str:
        return as_html(self._title(), self.source, self.aio.edit.region, self._merged)
