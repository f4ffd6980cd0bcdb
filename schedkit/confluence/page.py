"""A page and its tables: what an analyst plans and does there."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from schedkit.confluence.chart import Chart
from schedkit.confluence.plans.charts import beside_table
from schedkit.confluence.plans.edit import Edit, TableEdit
from schedkit.confluence.plans.plan import AsyncPlan, Plan
from schedkit.confluence.plans.publish import plan_fill
from schedkit.confluence.plans.update import check_editable, settled_draft
from schedkit.confluence.site.addresses import PageAddress
from schedkit.confluence.site.attachment import Attached, File, attach, not_attached, read_file
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.locate import PageIndex, is_absent
from schedkit.confluence.source.regions import Region, region
from schedkit.confluence.source.storage import check
from schedkit.confluence.tables.arguments import a_flag, a_text, rules, seconds
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.read import list_tables, read_table
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Missing
from schedkit.errors import UsageError
from schedkit.loop import blocking, on_own_loop
from schedkit.values.durations import Duration
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AsyncPage", "AsyncTable", "Page", "Table"]


@check_keywords
class AsyncTable:
    """The async side of a `Table`."""

    def __init__(self, server: Server, page: PageAddress, place: Region) -> None:
        self.server = server
        self.page = page
        self.region = place

    @on_own_loop
    async def replace(
        self,
        df: pd.DataFrame,
        *,
        key: str | Sequence[str] | None = None,
        keep: str | Sequence[str] = (),
        drop: str | Sequence[str] = (),
        columns: str | Sequence[str] | None = None,
        missing: Missing | None = None,
        cap: int | None = 500,
        workbook: str | None = None,
        min_rows: int = 1,
        max_drop: str | float | None = 0.5,
        create: str | Page | AsyncPage | None = None,
        chart: Chart | None = None,
        links: Mapping[str, str] | None = None,
        lozenges: Mapping[str, Mapping[str, str] | str] | None = None,
        mentions: Mapping[str, str] | None = None,
        dates: str | Sequence[str] = (),
        tz: str | tzinfo | None = None,
        show_zone: bool | None = None,
        max_chars: int = 1000,
        message: str | None = None,
    ) -> Plan:
        """Plan to write a frame into the table; the rest of the page is not changed.

        Parameters
        ----------
        df : DataFrame
            One row per row of the table, in this order.
        key : str or sequence of str, optional
            The column, or columns, that identify a row, e.g. ``"Key"``. Without it rows are matched by
            position.
        keep : str or sequence of str
            Columns people own, e.g. ``["Comment"]``: carried by key, added where the page has none, filled
            from the frame in new rows only. Columns the frame does not have are carried too.
        drop : str or sequence of str
            Columns to take off the page.
        columns : str or sequence of str, optional
            The columns of the frame to show; a column that the table does not have is added behind its
            neighbour. By default the columns that the table has, and all of a table that is created;
            ``"all"`` are those of the frame.
        missing : {"keep", "mark", "archive", "delete"}, optional
            Rows whose key has left the frame: all stay; all stay, with the day in a column "Missing since";
            all move to an "Archived" block at the table's end; all go. By default nothing that people wrote
            is lost: rows with something in people's columns, or with an inline comment, are archived, and
            rows that hold only what frames said go. A frame whose extraction is incomplete
            (``df.attrs["extraction"]``) takes no row away, whatever `missing` says.
        cap : int or None
            Rows shown at most; the others are counted in a last row. Rows people wrote in are shown
            always.
        workbook : str, optional
            Name of the attachment that this last row links to.
        min_rows : int
            A frame of fewer rows is refused; 0 lets an empty one empty the table.
        max_drop : str, float or None
            The share of its rows that may leave at once, 0.5 or "50%", judged from 10 rows up; None: any.
        create : str or Page, optional
            Where to put the table if the page has no such region: ``"end"``, ``"start"`` or
            ``"heading:TEXT"``; or a page that has the region, with or without a table: its text is put at the
            end of this one, with the table at the region. Where the region is a heading without a table, it
            is put into its section.
        chart : Chart, optional
            A chart to show behind the table; people may move it with its two anchors.
        links, lozenges, mentions : mapping, optional
            See `Look`.
        dates : str or sequence of str
            Columns of moments of which only the day is shown. A column of dates always shows the day.
        tz : str or tzinfo, optional
            The time zone in which moments are shown; by default the machine's.
        show_zone : bool, optional
            Write the zone after each moment; by default where `tz` is given and is not the machine's.
        max_chars : int
            Longer text is cut.
        message : str, optional
            The version's comment.

        Returns
        -------
        Plan
            Look at it, then ``plan.apply()``.

        Raises
        ------
        UsageError
            If the arguments contradict each other, or name columns the frame has not.
        RegionError
            If the region does not mean exactly one table, or its rows cannot be matched.
        CheckError
            If the frame has too few rows.
        MalformedPageError
            If the page is not well-formed.
        """
        template = _page_of(create)
        create = "end" if template else None if create is None else a_text(create, "create")
        message = None if message is None else a_text(message, "message")
        if chart is not None and not isinstance(chart, Chart):
            raise UsageError(
                f"chart={safe_repr(chart, 60)} is not a Chart",
                hint='chart=Chart(figure, alt="Bugs by priority")',
            )
        look = Look(
            {} if links is None else links, {} if lozenges is None else lozenges,
            {} if mentions is None else mentions, dates, tz, show_zone, max_chars,
        )  # fmt: skip
        how = rules(
            key=key, keep=keep, drop=drop, columns=columns, missing=missing, cap=cap, workbook=workbook,
            min_rows=min_rows, max_drop=max_drop, today=look.today,
        )  # fmt: skip
        look = replace(look, cloud=(await self.server.dialect()).cloud)

        def rendered() -> TableEdit:
            return TableEdit(self.region, render(df, key=key, columns=columns, look=look), how, create)

        table = await anyio.to_thread.run_sync(rendered)
        state = await self._read()
        check_editable(state)
        if template is not None:
            table = replace(table, template=await self._text_of(template, state))
        edit: Edit = table
        files: list[File] = []
        if chart is not None:
            edit, files = beside_table(table, chart)
        draft, edit = await settled_draft(self.server, state, edit)
        pending = await not_attached(self.server, state.id, files)
        message = message or f"Update {self.region}"
        return Plan(AsyncPlan(self.server, state, edit, draft, message, files=files, pending=pending))

    @on_own_loop
    async def read(self, *, repeat: bool = False) -> pd.DataFrame:
        """Return the table as a frame of text, people's columns included.

        Parameters
        ----------
        repeat : bool
            Put the text of a merged cell into each place that it covers; by default only into the first.

        Raises
        ------
        RegionError
            If the region does not mean exactly one table.
        """
        a_flag(repeat, "repeat")
        state = await self._read()
        read = functools.partial(read_table, state.source, self.region, state.name, repeat=repeat)
        return await anyio.to_thread.run_sync(read)

    async def _text_of(self, template: AsyncPage, state: PageState) -> str:
        """Return the text of a template if the page lacks the region; a later run need not read it."""

        def lacking() -> bool:
            check(state.source, state.name)
            return is_absent(PageIndex(state.source), self.region)

        return await template.source() if await anyio.to_thread.run_sync(lacking) else ""

    async def _read(self) -> PageState:
        return await self.server.read(await self.server.resolve(self.page))


@check_keywords
class Table:
    """One table of a page, named by a region."""

    def __init__(self, aio: AsyncTable) -> None:
        self.aio = aio

    replace = blocking(AsyncTable.replace)
    read = blocking(AsyncTable.read)

    def __repr__(self) -> str:
        return f"Table({str(self.aio.region)!r} of page {self.aio.page})"


def _page_of(value: object) -> AsyncPage | None:
    page = value.aio if isinstance(value, Page) else value
    return page if isinstance(page, AsyncPage) else None


@check_keywords
class AsyncPage:
    """The async side of a `Page`."""

    def __init__(self, server: Server, address: PageAddress) -> None:
        self.server = server
        self.address = address

    @on_own_loop
    async def id(self) -> str:
        """Return the page's id; one named by title and space is looked up."""
        return await self.server.resolve(self.address)

    def table(self, place: str | Region) -> AsyncTable:
        """Return a table of the page; nothing is read yet."""
        return AsyncTable(self.server, self.address, region(place))

    def beside(self, title: str) -> AsyncPage:
        """Return a page of the same space by its title; nothing is read yet."""
        named = PageAddress(title=" ".join(a_text(title, "title").split()), beside=self.address)
        return AsyncPage(self.server, named)

    @on_own_loop
    async def fill(self, values: Mapping[str, Any], *, message: str = "Update the page") -> Plan:
        """Plan to put values into the placeholders of a page that was made from a template.

        Parameters
        ----------
        values : mapping of str to object
            By placeholder: text, a date, a moment (shown in the zone of the machine), a `Markup`, `Link`,
            `Lozenge`, `Image`, `Chart`, a DataFrame or a `Managed` one. A placeholder is the place between
            the anchor macros ``name`` and ``name-end``; of a table it is the anchor macro ``name`` before it.
        message : str
            The version's comment.

        Raises
        ------
        RegionError
            If the page has no such placeholder.
        """
        if not isinstance(values, Mapping):
            raise UsageError(
                f"values={safe_repr(values, 60)} is not a mapping", hint='write values={"day": …}'
            )
        return await plan_fill(self.server, self.address, values, a_text(message, "message"))

    @on_own_loop
    async def attach(
        self, path: str | Path, *, name: str | None = None, message: str = "", deadline: Duration = 60.0
    ) -> Attached:
        """Attach a file to the page, or the next version of the attachment of that name.

        Nothing is sent if the page already has the same bytes.

        Parameters
        ----------
        path : str or Path
            The file.
        name : str, optional
            What it is called on the page; its own name by default.
        message : str
            The version's comment.
        deadline : float or str
            Seconds (or ``"2m"``) to continue when answers are lost.

        Raises
        ------
        UsageError
            If it is no path, or the name no plain file name.
        FileError
            If the file cannot be read.
        """
        if not isinstance(path, str | Path):
            raise UsageError(
                f"path={safe_repr(path, 60)} is not the path of a file", hint='attach("bugs.xlsx")'
            )
        if name is not None and not isinstance(name, str):
            raise UsageError(f"name={safe_repr(name, 60)} is not a text", hint="give a plain file name")
        limit = seconds(deadline, "deadline")
        page_id = await self.server.resolve(self.address)
        return await attach(self.server, page_id, await read_file(path, name), message, limit)

    @on_own_loop
    async def tables(self) -> pd.DataFrame:
        """Return the tables of the page, and the regions that name them."""
        state = await self.server.read(await self.server.resolve(self.address))
        return await anyio.to_thread.run_sync(list_tables, state.source, state.name)

    @on_own_loop
    async def source(self) -> str:
        """Return the page's storage format as it is now."""
        return (await self.server.read(await self.server.resolve(self.address))).source

    @on_own_loop
    async def check(self) -> None:
        """Check that the page may be edited with this login; nothing is written.

        Raises
        ------
        NotFoundError
            If it is not there, or this login may not read it.
        ForbiddenError
            If it may not be edited, or is in the trash, archived, a draft or a live document.
        """
        check_editable(await self.server.read(await self.server.resolve(self.address)))


@check_keywords
class Page:
    """One page, by its id, or by title and space."""

    def __init__(self, aio: AsyncPage) -> None:
        self.aio = aio

    _find = blocking(AsyncPage.id)

    @property
    def id(self) -> str:
        """The page's id; one named by title and space is looked up."""
        known = self.aio.address.id
        return self._find() if known is None else known

    def table(self, place: str | Region) -> Table:
        """Return a table of the page; nothing is read yet.

        Parameters
        ----------
        place : str or Region
            ``anchor:NAME``, ``local-id:ID``, ``macro:NAME``, ``heading:TEXT``, ``heading:TEXT/2`` or
            ``nth:1``; see `schedkit.confluence.source.regions`.
        """
        return Table(self.aio.table(place))

    def beside(self, title: str) -> Page:
        """Return a page of the same space by its title; nothing is read yet.

        Raises
        ------
        UsageError
            If it is no text.
        """
        return Page(self.aio.beside(title))

    fill = blocking(AsyncPage.fill)
    attach = blocking(AsyncPage.attach)
    tables = blocking(AsyncPage.tables)
    source = blocking(AsyncPage.source)
    check = blocking(AsyncPage.check)

    def __repr__(self) -> str:
        return f"Page({str(self.aio.address)!r})"
