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
from schedkit.confluence.plans.edit import Draft
from schedkit.confluence.plans.preview import summary
from schedkit.confluence.plans.result import Applied, applied
from schedkit.confluence.plans.template import BlockChange, PageEdit, page_edit, rendered_template
from schedkit.confluence.plans.update import Outcome, check_editable, settled_draft, stored_as_sent, update
from schedkit.confluence.site.addresses import PageAddress
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server, is_redirect
from schedkit.confluence.source.reading import text
from schedkit.confluence.tables.rules import Merged
from schedkit.errors import SiteError
from schedkit.loop import blocking, bridged
from schedkit.values.rng import chance
from schedkit.values.text import clip

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
                altered = await stored_as_sent(self.server, state, self.edit, self.draft.new)
                outcome = Outcome(state, self.draft, True, 1, 0, "identical", altered)
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
                clip(shown, 300),
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
    page: PageAddress | None = None,
    title: str = "",
    parent: PageAddress | None = None,
    template: str = "",
) -> PagePlan:
    """Plan to fill `page`, or the page `title`, made under `parent` if there is none."""
    dialect = await server.dialect()
    names = list(values)
    edit = await anyio.to_thread.run_sync(page_edit, values, dialect.cloud)
    if page is not None:
        state = await server.read(await server.resolve(page))
        check_editable(state)
        draft, edit = await settled_draft(server, state, edit)
        return PagePlan(AsyncPagePlan(server, names, edit, None, state, draft, message))
    assert parent is not None
    home = _Home(await server.resolve(parent), await server.space_of(parent), title)
    # The template is judged whether it is needed today or not.
    fresh = await anyio.to_thread.run_sync(rendered_template, template, values, dialect.cloud)
    found = await server.find(home.space, title)
    if found is None:
        return PagePlan(AsyncPagePlan(server, names, edit, home, None, Draft("", fresh, []), message))
    found = await server.read(found.id)
    check_editable(found)
    draft, edit = await settled_draft(server, found, edit)
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
            twin = error.status == 409 or (error.status == 400 and not unsure)
            if is_redirect(error) or not (error.maybe_done or twin):
                raise
            unsure = True
            wait = chance.uniform(0.1, 0.5)
            if time.monotonic() + wait > until:
                raise
            context.log(f"{error.message}; looking for the page again", logging.WARNING)
            await anyio.sleep(wait)
