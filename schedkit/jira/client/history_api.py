"""The client's methods about issues over time: stores, streams to Parquet, changelogs, worklogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import pandas as pd

from schedkit.jira.client.site_info import Fields, Opened, checked
from schedkit.jira.history.bulk_read import read_statuses, reported
from schedkit.jira.history.changelog import changelog
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.history.worklogs import worklogs
from schedkit.jira.jql import parse
from schedkit.jira.local_store.store import target
from schedkit.jira.local_store.sync import Limits, synchronise
from schedkit.jira.pages.session import together
from schedkit.jira.table.columns import layout
from schedkit.loop import bridged

__all__ = ["HistoryApi"]


class HistoryApi(Opened):
    """Stores of issues that are kept up to date, changelogs and worklogs."""

    @bridged
    async def sync(
        self,
        jql: str,
        into: str | Path,
        fields: Fields = None,
        *,
        markup: str = "text",
        full: bool = False,
        min_rows: int = 1,
        max_drop: float = 0.5,
        history: bool | str | Sequence[str] = False,
    ) -> pd.DataFrame:
        """Keep a Parquet file of a query's issues up to date, asking only for what changed, and return it.

        The first call extracts everything. A later one asks what was updated since, and compares the ids,
        so that deleted issues and those that left the query go. The file is replaced whole, and only if
        something changed.

        Some changes do not count as an update of the issue: a renamed status, user, version or option, a
        rank, a parent that was deleted. They are seen with ``full=True``, which compares every issue; let a
        task do that once in a while, e.g. every night.

        Parameters
        ----------
        jql : str
            The query; a file serves one query and one choice of fields.
        into : str or Path
            The file.
        fields, markup
            As for `search`.
        full : bool
            Extract everything again and compare: what is stored becomes what the site has, even where the
            site's times of update went back (a restored backup).
        min_rows : int
            Stop rather than leave fewer issues than this in a file that holds some.
        max_drop : float
            Stop rather than lose a larger share of the file's issues at once; judged from 10 issues up.
        history : bool, or sequence of str
            Keep also the issues' changelog, or that of some fields, in a file beside this one:
            `schedkit.jira.read_changelog` reads it. Only issues that were updated are asked for it again.

        Returns
        -------
        DataFrame
            All issues, as `search` gives them; ``attrs["sync"]`` holds the keys added, changed and removed,
            and by key the ``reasons`` of removal: deleted, no longer in the query, or no longer visible.
            Those that are no longer visible count as missing in ``attrs["extraction"]``. With `history`,
            ``attrs["sync"]["history"]`` says how many issues were asked, and which could not be read.

        Raises
        ------
        IncompleteError
            If the file would shrink by more than that; it is left as it is.
        UsageError
            If the file holds something else.
        FileError
            If it cannot be written.
        """
        query = parse(jql)
        session = await self.session()
        chosen = layout(session.catalog, session.dialect, fields, markup)
        names = fields if fields is None or isinstance(fields, str) else list(fields)
        requested = {"fields": names, "markup": markup}
        path = await anyio.to_thread.run_sync(target, into)
        limits = Limits(min_rows, max_drop)
        frame = await synchronise(session, query, chosen, path, requested, full=full, limits=limits)
        if history is not False:
            from schedkit.jira.local_store.changes import synchronise_changes

            which = None if history is True else [history] if isinstance(history, str) else history
            changes = await synchronise_changes(session, path, which, full=full)
            facts = {**changes.attrs["sync"], "missing": changes.attrs["extraction"]["missing"]}
            frame.attrs["sync"]["history"] = facts
        return frame

    @bridged
    async def to_parquet(
        self,
        jql: str,
        path: str | Path,
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
    ) -> dict[str, Any]:
        """Extract a query's issues into a Parquet file, in constant memory and in no particular order.

        `schedkit.jira.read_parquet` reads it back as the frame that `search` would have given.

        Parameters
        ----------
        jql : str
            The query.
        path : str or Path
            The file; an existing one is replaced whole or not at all.
        fields, limit, markup
            As for `search`.

        Returns
        -------
        dict
            What is known of the extraction's completeness.
        """
        from schedkit.jira.local_store.stream import (
            extract_to,  # pyarrow.parquet is 4 MB, which a search does without
        )

        query = parse(jql)
        session = await self.session()
        chosen = layout(session.catalog, session.dialect, fields, markup)
        file = await anyio.to_thread.run_sync(target, path)
        return await extract_to(session, query, chosen, checked(limit), file)

    @bridged
    async def changelog(
        self, issues: pd.DataFrame | Sequence[str] | str, fields: Fields = None
    ) -> pd.DataFrame:
        """Return every change of issues, one row per changed field, oldest first.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        fields : sequence of str, optional
            Only changes of these fields, by a column's label ("Fix Versions", with all the fields that
            `search` merges into it), the site's name, the id, or the name that histories use ("Link").

        Returns
        -------
        DataFrame
            Key, Id, When, Author, Author Id, Field (as the history writes it), Field Id, From, To, From Id,
            To Id and Entry (what was changed together). Field Id is missing where a Data Center has several
            custom fields of that name.

            ``attrs["extraction"]["missing"]`` lists the keys of which nothing could be read, and why;
            ``attrs["statuses"]`` the site's statuses by id, and ``attrs["history_fields"]`` which column each
            field is in, for `schedkit.flow`.

        Raises
        ------
        UnknownFieldError
            For a field the site does not have.

        Examples
        --------
        >>> jira.changelog("project = DEMO", fields=["Status", "Fix Versions"])  # doctest: +SKIP
        """
        session = await self.session()
        names = [fields] if isinstance(fields, str) else fields
        known = FieldNames(session.catalog, session.dialect)
        known.wanted(names)
        async with together() as group:
            group.start_soon(read_statuses, session)
            keys, unread = await self._asked(issues)
            frame, missing = await changelog(session, keys, names)
        frame = reported(frame, session, len(keys), unread | missing)
        frame.attrs["statuses"] = session.statuses
        frame.attrs["history_fields"] = known.described(frame["Field Id"].cat.categories)
        return frame

    @bridged
    async def worklogs(self, issues: pd.DataFrame | Sequence[str] | str) -> pd.DataFrame:
        """Return every worklog of issues.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.

        Returns
        -------
        DataFrame
            Key, Id, Author, Author Id, Started, Hours, Comment and Worklog Id, in order of time;
            ``attrs["extraction"]["missing"]`` as for `changelog`.
        """
        session = await self.session()
        keys, unread = await self._asked(issues)
        frame, missing = await worklogs(session, keys)
        return reported(frame, session, len(keys), unread | missing)
