"""The client's methods that write: each returns a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.jira.history.changelog import changelog
from schedkit.jira.pages.site_info import Connection
from schedkit.jira.search.search_api import Issues, SearchApi
from schedkit.jira.write.comment import plan_comment, plan_worklog
from schedkit.jira.write.create import plan_create
from schedkit.jira.write.edit import plan_edit
from schedkit.jira.write.links import plan_links
from schedkit.jira.write.members import by_value, with_values
from schedkit.jira.write.notify import query
from schedkit.jira.write.plan import AsyncPlan
from schedkit.jira.write.transition import Extras, plan_transition

__all__ = ["WriteApi"]


class WriteApi:
    """Plans of what to write; they compare with the site first.

    Parameters
    ----------
    connection : Connection
        The site.
    search : SearchApi
        Reads the issues as they are.
    """

    def __init__(self, connection: Connection, search: SearchApi) -> None:
        self._connection, self._search = connection, search

    async def edit(
        self, frame: pd.DataFrame, columns: Sequence[str] | None = None, *, notify: bool = True
    ) -> AsyncPlan:
        """Plan to make the site's issues what a frame says; nothing is written before `apply`.

        Only what the frame's user changed is written. What was changed on the site since the frame
        was extracted (by its column Updated, else by ``attrs["extraction"]``) is left alone: where the cell
        still shows the old value, the plan notes it, and where it does not, the plan shows a conflict.
        Extract again to see both, then decide. A frame without either is compared with the site as it is.
        A version or component that was renamed since is no change: its id is the same.

        A changed Description, or another formatted text, is written as wiki markup, on Cloud too. Where the
        site's text has formatting, which a text without it would replace, the plan says so. To keep it on
        Data Center, extract with ``markup="raw"`` and change the markup.

        Parameters
        ----------
        frame : DataFrame
            One row per issue, with Key. Empty cells empty the field. Lists may be tuples, or texts with
            commas (as a workbook gives them back), in which names that hold commas themselves stay whole;
            users are found by name, e-mail address or account.
        columns : str or sequence of str, optional
            Which columns to compare; by default all. An issue whose Parent, Sprint or another column that
            cannot be edited was changed is refused; where Created, Updated, Resolved or Status Category
            differ, which Jira sets itself, the plan says so and writes the rest.
        notify : bool
            Whether Jira mails those who watch the issues; without, the account must administer the project.

        Returns
        -------
        Plan
            Shows old → new for every cell that differs, and conflicts.

        Raises
        ------
        UsageError
            For a column that cannot be edited, or an issue twice.

        Examples
        --------
        >>> df = jira.search("project = DEMO AND priority is EMPTY")  # doctest: +SKIP
        >>> jira.edit(df.assign(Priority="Medium")).apply()  # doctest: +SKIP
        """

        async def read(keys: Sequence[str], names: Sequence[str], markup: str) -> pd.DataFrame:
            return await self._search.keys(keys, fields=["Key", *names], markup=markup)

        session = await self._connection.session()

        async def history(keys: Sequence[str]) -> tuple[pd.DataFrame, Mapping[str, str]]:
            return await changelog(session, keys, None)

        return await plan_edit(session, with_values(frame), columns, read, history, notify)

    async def transition(
        self,
        issues: Issues,
        status: str,
        *,
        resolution: str | None = None,
        fields: Mapping[str, Any] | None = None,
        comment: str | None = None,
        notify: bool = True,
    ) -> AsyncPlan:
        """Plan to bring issues into a status; nothing is written before `apply`.

        Parameters
        ----------
        issues
            As for `changelog`.
        status : str
            The status to reach, or the name of a transition.
        resolution : str, optional
            Set along with it, where the transition's screen asks for it.
        fields : mapping, optional
            Other fields of that screen: cells by the names of their columns, as for `edit`.
        comment : str, optional
            Made along with it (wiki markup).
        notify : bool
            Jira has no way to transition issues without mail: False is refused.

        Returns
        -------
        Plan
            Shows old → new for every issue that is not there yet, and which issues cannot go there.

        Examples
        --------
        >>> jira.transition("DEMO-1", "Done", resolution="Won't Do").apply()  # doctest: +SKIP
        """
        session = await self._connection.session()
        query(session.dialect, "transition issues", notify)
        extras = Extras.of(session, by_value(resolution), by_value(fields), by_value(comment))
        keys, _ = await self._search.keys_of(issues)
        now = await self._search.keys(keys, fields=["Key", "Status"])
        return await plan_transition(session, now, by_value(status), extras)

    async def create(self, frame: pd.DataFrame, *, notify: bool = True) -> AsyncPlan:
        """Plan a new issue for each row of a frame; nothing is written before `apply`.

        A row that the same account has created within 30 days, by this method, is left out: a cell that runs
        again, or after its kernel died, makes no issue twice. Of two processes that create the same rows at
        one moment, the later removes its own issue again; where the account may not delete issues, the
        outcome says that it is there twice.

        Parameters
        ----------
        frame : DataFrame
            Project (key), Type and Summary, and any other columns as for `edit`. Equal rows make as many
            issues.
        notify : bool
            Jira has no way to create issues without mail: False is refused.

        Returns
        -------
        Plan
            Shows the fields of each. The frame that `apply` returns has their keys.

        Examples
        --------
        >>> df = pd.DataFrame({"Project": ["DEMO"], "Type": ["Bug"], "Summary": ["It is broken"]})
        >>> jira.create(df).apply()  # doctest: +SKIP
        """
        session = await self._connection.session()
        query(session.dialect, "create issues", notify)
        return await plan_create(session, with_values(frame), self._search)

    async def link_issues(self, frame: pd.DataFrame, *, notify: bool = True) -> AsyncPlan:
        """Plan links between issues; nothing is written before `apply`, and no link is made twice.

        Parameters
        ----------
        frame : DataFrame
            Key, Link and To, e.g. ``DEMO-1``, ``blocks``, ``DEMO-2``: a phrase of the site's in either
            direction, or the name of a type of link.
        notify : bool
            Jira has no way to link issues without mail: False is refused.

        Returns
        -------
        Plan
            Shows each link that the site does not have yet.
        """
        session = await self._connection.session()
        query(session.dialect, "link issues", notify)
        return await plan_links(session, with_values(frame))

    async def worklog(self, frame: pd.DataFrame, *, notify: bool = True) -> AsyncPlan:
        """Plan entries of work; nothing is written before `apply`, and no entry is made twice.

        Parameters
        ----------
        frame : DataFrame
            Key, Started (without a zone: this machine's), Hours or Time (``"1h 30m"``), and Comment if
            wanted. An entry that the same person has made with the same start, time and comment is left out.
        notify : bool
            Whether Jira mails those who watch the issues. Data Center always does: False is refused there.

        Returns
        -------
        Plan
            Shows each entry.
        """
        return await plan_worklog(await self._connection.session(), with_values(frame), notify)

    async def comment(
        self, issues: Issues, text: str | Mapping[str, str], *, notify: bool = True
    ) -> AsyncPlan:
        """Plan to comment on issues; nothing is written before `apply`.

        An issue on which the same user has already made the same comment is left out, so that a task that
        runs again does not repeat itself.

        Parameters
        ----------
        issues
            As for `changelog`.
        text : str or mapping
            The comment (wiki markup), the same for all or by key.
        notify : bool
            Jira has no way to comment without mail: False is refused.

        Returns
        -------
        Plan
            Shows each comment.
        """
        session = await self._connection.session()
        query(session.dialect, "comment", notify)
        keys, _ = await self._search.keys_of(issues)
        texts = by_value(dict.fromkeys(keys, text) if isinstance(text, str) else dict(text))
        for key in keys:
            if not isinstance(texts.get(key), str) or not texts[key].strip():
                raise UsageError(f"the comment on {key} has no text", hint="give one for each issue")
        return await plan_comment(session, keys, texts)
