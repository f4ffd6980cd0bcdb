"""Plans for pages that are made from a template, and for the placeholders of pages that are there."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio.to_thread

from schedkit.confluence.plans.charts import files_of, with_images
from schedkit.confluence.plans.edit import Draft
from schedkit.confluence.plans.missing_mark import MARK, MissingMark
from schedkit.confluence.plans.new_page import NewPage, existing, known_placeholders
from schedkit.confluence.plans.placeholders import PageEdit, page_edit
from schedkit.confluence.plans.plan import AsyncPlan, Plan
from schedkit.confluence.plans.template import fixed_names, placeholder_names, rendered_template
from schedkit.confluence.plans.update import check_editable, settled_draft
from schedkit.confluence.site.addresses import PageAddress
from schedkit.confluence.site.attachment import File, not_attached
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.locate import PageIndex
from schedkit.confluence.source.storage import check

__all__ = ["plan_fill", "plan_page"]


async def plan_fill(server: Server, page: PageAddress, values: Mapping[str, Any], message: str) -> Plan:
    """Plan to fill the placeholders of a page."""
    dialect = await server.dialect()
    files, shown = files_of(values), with_images(values)
    edit = await anyio.to_thread.run_sync(page_edit, shown, dialect.cloud)
    state = await server.read(await server.resolve(page))
    return await _filling(server, state, edit, list(values), message, None, files)


async def plan_page(
    server: Server, new: NewPage, title: str, template: str, values: Mapping[str, Any], message: str
) -> Plan:
    """Plan a page whose title has placeholders, too: what only the title says has no place on the page."""
    only_titled = placeholder_names(title) - placeholder_names(template)
    given = {name: value for name, value in values.items() if name not in only_titled}
    return await _plan_publish(server, new, template, given, message)


async def _plan_publish(
    server: Server, new: NewPage, template: str, values: Mapping[str, Any], message: str
) -> Plan:
    """Plan to create a page from a template, or to fill the one that is there."""
    dialect = await server.dialect()
    files, values = files_of(values), with_images(values)
    # The template is judged whether it is needed today or not.
    fresh = await anyio.to_thread.run_sync(rendered_template, template, values, dialect.cloud)
    fixed = fixed_names(template) & set(values)
    new = replace(new, placeholders=tuple(name for name in values if name not in fixed))
    state = await existing(server, new)
    absent = set() if state is None else await _gained(server, state, new)
    make = functools.partial(page_edit, values, dialect.cloud, fixed=fixed, create=absent)
    edit = await anyio.to_thread.run_sync(make)
    if state is None:
        draft = Draft("", fresh, [])
        pending = [file.name for file in files]
        plan = AsyncPlan(
            server, None, edit, draft, message, names=list(values), new=new, files=files, pending=pending
        )
        return Plan(plan)
    names = list(values)
    if new.key is not None:
        edit, names = await anyio.to_thread.run_sync(_with_rows_again, state, edit, names)
    return await _filling(server, state, edit, names, message, new, files)


def _with_rows_again(state: PageState, edit: PageEdit, names: list[str]) -> tuple[PageEdit, list[str]]:
    """Take off the page what says that it has no rows."""
    check(state.source, state.name)
    if MARK not in PageIndex(state.source).anchor_macros:
        return edit, names
    return PageEdit([*edit.edits, MissingMark("")]), [*names, MARK]


async def _filling(
    server: Server,
    state: PageState,
    edit: PageEdit,
    names: list[str],
    message: str,
    new: NewPage | None,
    files: Sequence[File],
) -> Plan:
    check_editable(state)
    draft, edit = await settled_draft(server, state, edit)
    pending = await not_attached(server, state.id, files)
    plan = AsyncPlan(server, state, edit, draft, message, names=names, new=new, files=files, pending=pending)
    return Plan(plan)


async def _gained(server: Server, state: PageState, new: NewPage) -> set[str]:
    """Return the placeholders that the template gained since the page was made.

    One that the page was given and has no more was taken off by people: filling it is an error.
    """
    check(state.source, state.name)
    anchors = PageIndex(state.source).anchor_macros
    absent = {name for name in new.placeholders if name not in anchors}
    return absent - await known_placeholders(server, state.id) if absent else set()
