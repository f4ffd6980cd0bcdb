"""A frame laid over a table of a page: what the tests of tables begin with."""

from __future__ import annotations

from typing import Any

import pandas as pd
from support.confluence_pages import anchor, table

from schedkit.confluence.plans.edit import Draft, TableEdit
from schedkit.confluence.source.grid import read_grid
from schedkit.confluence.source.locate import PageIndex, locate
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.regions import region
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Merged, Rules

__all__ = ["AFTER", "BEFORE", "NAMES", "OLD", "cells", "edit", "page", "report"]


BEFORE = "<h1>Bugs</h1>\r\n<p>&eacute;\U0001f600 a &gt; b</p>" + anchor("t")


AFTER = "\r\n<p title='x > y'>tail &nbsp;</p><table><tbody><tr><td>hand-made</td></tr></tbody></table>"


def page(inner: str) -> str:
    return BEFORE + inner + AFTER


def edit(
    source: str,
    frame: dict[str, list[Any]] | pd.DataFrame,
    *,
    create: str | None = None,
    where: str = "anchor:t",
    template: str = "",
    **rules: Any,
) -> Draft:
    rules.setdefault("key", "Key")
    df = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    change = TableEdit(region(where), render(df, key=rules["key"]), Rules(**rules), create, template)
    draft = change(source, "page 7")
    if create is None:
        begin, behind = source.index("<table"), len(AFTER)
        assert draft.new[:begin] == source[:begin]
        assert draft.new[len(draft.new) - behind :] == AFTER
    again = change(draft.new, "page 7")
    assert not again.changed, "a second run writes nothing"
    return draft


def cells(draft: Draft, where: str = "anchor:t") -> list[list[str]]:
    found = locate(PageIndex(draft.new), region(where))
    grid = read_grid(draft.new, found, "it")
    rows = [grid.header, *grid.rows] if grid.header else grid.rows
    return [[text(draft.new[c.inner : c.outer]) for c in row.cells] for row in rows]


def report(draft: Draft) -> Merged:
    merged: Merged = draft.report
    return merged


NAMES = ["Key", "Summary", "Comment"]


OLD = page(
    table(NAMES, [["K-1", "one", "mine"], ["K-2", "two", ""], ["K-3", "three", "<p>why?</p>"]], space="\n  ")
)
