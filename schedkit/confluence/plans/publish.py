"""Plans for pages that are made from a template, and for the placeholders of pages that are there."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio.to_thread

from schedkit.confluence.plans.charts import files_of, with_images
from schedkit.confluence.plans.edit import Draft
from schedkit.confluence.plans.new_page import NewPage, existing, known_placeholders
from schedkit.confluence.plans.placeholders import PageEdit, page_edit
from schedkit.confluence.plans.plan import AsyncPlan, Plan
from schedkit.confluence.plans.template import fixed_names, rendered_template
from schedkit.confluence.plans.update import check_editable, settled_draft
from schedkit.confluence.site.addresses import PageAddress
from schedkit.confluence.site.attachment import File, not_attached
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.locate import PageIndex
from schedkit.confluence.source.storage import check

__all__ = ["plan_fill", "plan_publish"]


async def plan_fill(server: Server, page: PageAddress, values: Mapping[str, Any], message: str) -> Plan:
    """Plan to fill the placeholders of a page."""
    dialect = await server.dialect()
    files, shown = files_of(values), with_images(values)
    edit = await anyio.to_thread.run_sync(page_edit, shown, dialect.cloud)
    state = await server.read(await server.resolve(page))
    return await _filling(server, state, edit, list(values), message, None, files)


async def plan_publish(
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
        names, pending = list(values), [file.name for file in files]
        plan = AsyncPlan(
            server, None, edit, draft, message, names=names, new=new, files=files, pending=pending
        )
        return Plan(plan)
    return await _filling(server, state, edit, list(values), message, new, files)


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
