"""Writing back: plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.jira.client.searching import Searching
from schedkit.jira.history.changelog import changelog
from schedkit.jira.write import AsyncPlan
from schedkit.jira.write.comment import plan_comment, plan_worklog
from schedkit.jira.write.create import plan_create
from schedkit.jira.write.edit import plan_edit
from schedkit.jira.write.links import plan_links
from schedkit.jira.write.transition import Extras, plan_transition
from schedkit.loop import bridged

__all__ = ["Writing"]


class Writing(Searching):
    """Plans of what to write; they compare with the site first."""

    @bridged
    async def edit(
        self, frame: pd.DataFrame, columns: Sequence[str] | None = None, *, notify: bool = True
    ) -> AsyncPlan:
        """Plan to make the site's issues what a frame says; nothing is written before `apply`.

        Only what the frame's user changed is written. What was changed on the site since the frame
        was extracted (by its column Updated, else by ``attrs["extraction"]``) is left alone: where the cell
        still shows the old value, the plan notes it, and where it does not, the plan shows a conflict.
        Extract again to see both, then decide. A frame without either is compared with the site as it is.

        A changed Description, or another formatted text, is written as wiki markup, on Cloud too. Where the
        site's text has formatting, which a text without it would replace, the plan says so. To keep it on
        Data Center, extract with ``markup="raw"`` and change the markup.

        Parameters
        ----------
        frame : DataFrame
            One row per issue, with Key. Empty cells empty the field. Lists may be tuples, or texts with
            commas (as a workbook gives them back); users are found by name, e-mail address or account.
        columns : sequence of str, optional
            Which columns to compare; by default all. An issue whose Parent, Sprint or another column that
            cannot be edited was changed is refused; where Created, Updated, Resolved or Status Category
            differ, which Jira keeps itself, the plan says so and writes the rest.
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
            return await self.keys(keys, fields=["Key", *names], markup=markup)

        session = await self.session()

        async def history(keys: Sequence[str]) -> tuple[pd.DataFrame, Mapping[str, str]]:
            return await changelog(session, keys, None)

        return await plan_edit(session, frame, columns, read, history, notify)

    @bridged
    async def transition(
        self,
        issues: pd.DataFrame | Sequence[str] | str,
        status: str,
        *,
        resolution: str | None = None,
        fields: Mapping[str, Any] | None = None,
        comment: str | None = None,
    ) -> AsyncPlan:
        """Plan to bring issues into a status; nothing is written before `apply`.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        status : str
            The status to reach, or the name of a transition.
        resolution : str, optional
            Set along with it, where the transition's screen asks for it.
        fields : mapping, optional
            Other fields of that screen: cells by the names of their columns.
        comment : str, optional
            Made along with it (wiki markup).

        Returns
        -------
        Plan
            Shows old → new for every issue that is not there yet, and which issues cannot go there.

        Examples
        --------
        >>> jira.transition("DEMO-1", "Done", resolution="Won't Do").apply()  # doctest: +SKIP
        """
        session = await self.session()
        extras = await Extras.of(session, resolution, fields, comment)
        now = await self.keys(await self._keys_of(issues), fields=["Key", "Status"])
        return await plan_transition(session, now, status, extras)

    @bridged
    async def create(self, frame: pd.DataFrame) -> AsyncPlan:
        """Plan a new issue for each row of a frame; nothing is written before `apply`.

        A row that the same account has created within 30 days, by this method, is left out: a cell that runs
        again, or after its kernel died, makes no issue twice.

        Parameters
        ----------
        frame : DataFrame
            Project (key), Type and Summary, and any other columns as for `edit`. Equal rows make as many
            issues.

        Returns
        -------
        Plan
            Shows the fields of each. The frame that `apply` returns has their keys.

        Examples
        --------
        >>> df = pd.DataFrame({"Project": ["DEMO"], "Type": ["Bug"], "Summary": ["It is broken"]})
        >>> jira.create(df).apply()  # doctest: +SKIP
        """

        async def search(jql: str, names: Sequence[str]) -> pd.DataFrame:
            return await self.search(jql, fields=names)

        return await plan_create(await self.session(), frame, search)

    @bridged
    async def link_issues(self, frame: pd.DataFrame) -> AsyncPlan:
        """Plan links between issues; nothing is written before `apply`, and no link is made twice.

        Parameters
        ----------
        frame : DataFrame
            Key, Link and To, e.g. ``DEMO-1``, ``blocks``, ``DEMO-2``: a phrase of the site's in either
            direction, or the name of a type of link.

        Returns
        -------
        Plan
            Shows each link that the site does not have yet.
        """
        return await plan_links(await self.session(), frame)

    @bridged
    async def worklog(self, frame: pd.DataFrame) -> AsyncPlan:
        """Plan entries of work; nothing is written before `apply`, and no entry is made twice.

        Parameters
        ----------
        frame : DataFrame
            Key, Started (without a zone: UTC), Hours or Time (``"1h 30m"``), and Comment if wanted. An entry
            that the same person has made with the same start, time and comment is left out.

        Returns
        -------
        Plan
            Shows each entry.
        """
        return await plan_worklog(await self.session(), frame)

    @bridged
    async def comment(
        self, issues: pd.DataFrame | Sequence[str] | str, text: str | Mapping[str, str]
    ) -> AsyncPlan:
        """Plan to comment on issues; nothing is written before `apply`.

        An issue on which the same user has already made the same comment is left out, so that a task that
        runs again does not repeat itself.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        text : str or mapping
            The comment (wiki markup), the same for all or by key.

        Returns
        -------
        Plan
            Shows each comment.
        """
        keys = await self._keys_of(issues)
        texts = dict.fromkeys(keys, text) if isinstance(text, str) else dict(text)
        for key in keys:
            if not isinstance(texts.get(key), str) or not texts[key].strip():
                raise UsageError(f"the comment on {key} has no text", hint="give one for each issue")
        return await plan_comment(await self.session(), keys, texts)
