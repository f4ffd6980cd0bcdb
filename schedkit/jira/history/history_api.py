"""The client's methods about what happened to issues: changelogs and worklogs."""

from __future__ import annotations

import pandas as pd

from schedkit.jira.history.bulk_read import read_statuses, reported
from schedkit.jira.history.changelog import changelog, told_apart
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.history.worklogs import worklogs
from schedkit.jira.pages.site_info import Connection
from schedkit.jira.search.search_api import Fields, Issues, SearchApi
from schedkit.jira.table.people import PeopleNames
from schedkit.loop import task_group
from schedkit.values.whole_history import WholeHistory

__all__ = ["HistoryApi"]


class HistoryApi:
    """Changelogs and worklogs.

    Parameters
    ----------
    connection : Connection
        The site.
    search : SearchApi
        Finds the issues that a query names.
    """

    def __init__(self, connection: Connection, search: SearchApi) -> None:
        self._connection, self._search = connection, search

    async def changelog(self, issues: Issues, fields: Fields = None) -> pd.DataFrame:
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
            custom fields of that name. People who share a name are shown as `search` shows them.

            ``attrs["extraction"]["missing"]`` lists the keys of which nothing could be read, and why;
            ``attrs["statuses"]`` the site's statuses by id, and ``attrs["history_fields"]`` which column each
            field is in, for `schedkit.flow`; ``attrs["history"]`` the changelog itself, for it to find the
            whole behind a part that was cut in time.

        Raises
        ------
        UnknownFieldError
            For a field the site does not have.

        Examples
        --------
        >>> jira.changelog("project = DEMO", fields=["Status", "Fix Versions"])  # doctest: +SKIP
        """
        session = await self._connection.session()
        names = [fields] if isinstance(fields, str) else fields
        known = FieldNames(session.catalog, session.dialect)
        known.wanted(names)
        people = PeopleNames(session.addresses)
        async with task_group() as group:
            group.start_soon(read_statuses, session)
            keys, unread = await self._search.keys_of(issues)
            frame, missing = await changelog(session, keys, names, people)
        frame = reported(told_apart(frame, people, known), session, len(keys), unread | missing, people)
        frame.attrs["history"] = WholeHistory(frame)
        frame.attrs["statuses"] = session.statuses
        frame.attrs["history_fields"] = known.described(frame["Field Id"].cat.categories)
        return frame

    async def worklogs(self, issues: Issues) -> pd.DataFrame:
        """Return every worklog of issues.

        Parameters
        ----------
        issues
            As for `changelog`.

        Returns
        -------
        DataFrame
            Key, Id, Author, Author Id, Started, Hours, Comment and Worklog Id, in order of time;
            ``attrs["extraction"]["missing"]`` as for `changelog`.
        """
        session = await self._connection.session()
        keys, unread = await self._search.keys_of(issues)
        people = PeopleNames(session.addresses)
        frame, missing = await worklogs(session, keys, people)
        frame["Author"] = frame["Author"].replace(people.shared())
        return reported(frame, session, len(keys), unread | missing, people)
