"""Pages made and kept from a template: create or update, looked at before it is done."""

from __future__ import annotations

import html
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread

from schedkit import context
from schedkit.confluence.plans.applied import Applied, applied
from schedkit.confluence.plans.draft import Draft
from schedkit.confluence.plans.face import summary
from schedkit.confluence.plans.template import BlockChange, PageEdit, page_edit, rendered_template
from schedkit.confluence.plans.write import Outcome, draft_of, update
from schedkit.confluence.site.dialect import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.storage import text
from schedkit.confluence.tables.rules import Merged
from schedkit.errors import SiteError
from schedkit.loop import blocking, bridged
from schedkit.values.rng import chance

__all__ = ["AsyncPagePlan", "PagePlan", "plan_page"]


@dataclass(frozen=True)
class _Home:
    """Where a page that does not exist yet belongs."""

    parent: str
    space: str
    title: str


class AsyncPagePlan:
    """The async face of a `PagePlan`."""

    def __init__(
        self,
        server: Server,
        names: Sequence[str],
        edit: PageEdit,
        home: _Home | None,
        state: PageState | None,
        draft: Draft,
        message: str,
    ) -> None:
        self.server = server
        self.names = names
        self.edit = edit
        self.home = home
        self.state = state
        self.draft = draft
        self.message = message

    @bridged
    async def apply(self, *, deadline: float = 60.0, quiet: bool = True) -> Applied:
        """Create the page, or fill it as it is now; parameters as of `Plan.apply`."""
        started = time.monotonic()
        state = self.state
        if state is None:
            assert self.home is not None
            created, state = await _create(self.server, self.home, self.draft.new, started + deadline)
            if created:
                outcome = Outcome(state, self.draft, True, 1, 0, "identical")
                return self._told(outcome, started)
        outcome = await update(
            self.server, state.id, self.edit, message=self.message, quiet=quiet, deadline=deadline
        )
        return self._told(outcome, started)

    def _told(self, outcome: Outcome, started: float) -> Applied:
        reports = outcome.draft.report or []
        tables = [part for part in reports if isinstance(part, Merged)]
        blocks = sum(part.changed for part in reports if isinstance(part, BlockChange))
        return applied(outcome, tables, started, blocks=blocks)


class PagePlan:
    """What a page made from a template will become; nothing is written before `apply()`."""

    def __init__(self, aio: AsyncPagePlan) -> None:
        self.aio = aio

    apply = blocking(AsyncPagePlan.apply)

    @property
    def creates(self) -> bool:
        """Whether there is no such page yet."""
        return self.aio.state is None

    @property
    def changed(self) -> bool:
        """Whether applying it would write."""
        return self.creates or self.aio.draft.changed

    @property
    def page_id(self) -> str | None:
        """The page's id, None before it exists."""
        return self.aio.state.id if self.aio.state else None

    @property
    def source(self) -> str:
        """The whole page as it would be stored."""
        return self.aio.draft.new

    def _lines(self) -> list[str]:
        if self.aio.state is None:
            assert self.aio.home is not None
            shown = text(self.source)
            return [
                f"creates page {self.aio.home.title!r} under {self.aio.home.parent}",
                shown if len(shown) <= 300 else shown[:299] + "…",
            ]
        lines = [f"page {self.aio.state.id} {self.aio.state.title!r}, version {self.aio.state.version}"]
        for name, part in zip(self.aio.names, self.aio.draft.report or [], strict=True):
            if isinstance(part, Merged):
                lines.append(f"{name}: {summary(part)}")
            elif part.changed:
                lines.append(f"{name}: {part.before or 'empty'} → {part.after or 'empty'}")
            else:
                lines.append(f"{name}: nothing to change")
        return lines

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        head, *rest = (html.escape(line) for line in self._lines())
        return f"<div><p><b>{head}</b></p>" + "".join(f"<p>{line}</p>" for line in rest) + "</div>"


async def plan_page(
    server: Server,
    values: Mapping[str, Any],
    message: str,
    *,
    page_id: str | None = None,
    title: str = "",
    parent: str = "",
    template: str = "",
) -> PagePlan:
    """Plan to fill the page `page_id`, or the page `title`, made under `parent` if there is none."""
    dialect = await server.dialect()
    names = list(values)
    edit = await anyio.to_thread.run_sync(page_edit, values, dialect.cloud)
    if page_id is not None:
        state = await server.read(page_id)
        draft = await draft_of(state, edit)
        return PagePlan(AsyncPagePlan(server, names, edit, None, state, draft, message))
    home = _Home(parent, await server.space_of(parent), title)
    # The template is judged whether it is needed today or not.
    fresh = await anyio.to_thread.run_sync(rendered_template, template, values, dialect.cloud)
    found = await server.find(home.space, title)
    draft = Draft("", fresh, []) if found is None else await draft_of(found, edit)
    return PagePlan(AsyncPagePlan(server, names, edit, home, found, draft, message))


async def _create(server: Server, home: _Home, source: str, until: float) -> tuple[bool, PageState]:
    """Create a page; True if this call made it, False if a twin had it made meanwhile."""
    unsure = False
    while True:
        found = await server.find(home.space, home.title)
        if found is not None:
            return unsure and found.version == 1 and found.source == source, found
        try:
            return True, await server.create(home.space, home.parent, home.title, source)
        except SiteError as error:
            # Titles are unique in a space: a 400 may be a twin's page that is not listed yet.
            if not (error.maybe_done or error.status in (400, 409)) or (unsure and error.status == 400):
                raise
            unsure = True
            wait = chance.uniform(0.1, 0.5)
            if time.monotonic() + wait > until:
                raise
            context.log(f"{error.message}; looking for the page again", logging.WARNING)
            await anyio.sleep(wait)
