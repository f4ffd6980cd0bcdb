"""`Jira`: one site's issues as DataFrames, and its async API."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack

import pandas as pd

from schedkit.atlassian import Site
from schedkit.atlassian.login import connected
from schedkit.atlassian.site import SiteOptions
from schedkit.errors import UsageError
from schedkit.jira.client.history_api import HistoryApi
from schedkit.jira.client.lookups import Lookups
from schedkit.jira.client.writing import Writing
from schedkit.jira.write import Plan
from schedkit.loop import blocking
from schedkit.values.keywords import check_keywords

__all__ = ["AsyncJira", "Jira"]


class AsyncJira(Writing, HistoryApi, Lookups):
    """The async API of `Jira`: the same methods, awaitable from any loop."""


@check_keywords
class Jira:
    """A Jira site: its issues as DataFrames.

    Parameters
    ----------
    url : str
        Base URL, e.g. ``https://example.atlassian.net`` or ``https://issues.example.org/jira``.
    user : str, optional
        E-mail address (Cloud) or user name (Data Center, with `password`).
    token : str, optional
        API token (Cloud, with `user`) or personal access token (Data Center, alone).
    cloud : bool, optional
        Whether it is Jira Cloud; by default the site is asked.
    site : Site, optional
        Instead of all the above: a site made elsewhere.
    **options
        As `schedkit.atlassian.Site` takes them: password, oauth2, verify, cert, proxies, timeout,
        concurrency, …

    Examples
    --------
    >>> jira = Jira("https://example.atlassian.net", user="ann@example.org", token="s3cret")
    >>> jira
    Jira('https://example.atlassian.net', user='ann@example.org')
    """

    def __init__(
        self,
        url: str | None = None,
        user: str | None = None,
        token: str | None = None,
        cloud: bool | None = None,
        *,
        site: Site | None = None,
        **options: Unpack[SiteOptions],
    ) -> None:
        if (url is None) == (site is None):
            raise UsageError(
                "Jira takes either a url or a site", hint='e.g. Jira("https://issues.example.org")'
            )
        self.aio = AsyncJira(site or Site(str(url), user=user, token=token, **options), cloud)

    @classmethod
    def connect(
        cls,
        url: str,
        user: str | None = None,
        *,
        again: bool = False,
        cloud: bool | None = None,
        **options: Unpack[SiteOptions],
    ) -> Self:
        """Return a client for a site, asking for the login the first time.

        The token is typed hidden, checked, and kept in the system's keyring where there is one.

        Parameters
        ----------
        url : str
            Base URL.
        user : str, optional
            E-mail address (Cloud) or user name; on Data Center a personal access token needs none.
        again : bool
            Ask even if a login is stored, e.g. because the token has changed.
        cloud : bool, optional
            As for `Jira`.
        **options
            As for `Jira`.

        Raises
        ------
        AuthError
            If the login is refused, or there is no terminal or notebook to type it in.

        Examples
        --------
        >>> jira = Jira.connect("https://issues.example.org")  # doctest: +SKIP
        """
        return connected(
            lambda name, token: cls(url, user=name, token=token, cloud=cloud, **options),
            lambda jira: jira.myself(),
            url,
            user,
            again=again,
        )

    @property
    def site(self) -> Site:
        """The site it talks to."""
        return self.aio.site

    def __repr__(self) -> str:
        return repr(self.site).replace("Site(", "Jira(", 1)

    search = blocking(AsyncJira.search)
    project = blocking(AsyncJira.project)
    keys = blocking(AsyncJira.keys)
    root = blocking(AsyncJira.root)
    filter = blocking(AsyncJira.filter)
    link = blocking(AsyncJira.link)
    get = blocking(AsyncJira.get)
    boards = blocking(AsyncJira.boards)
    board = blocking(AsyncJira.board)
    sprints = blocking(AsyncJira.sprints)
    slas = blocking(AsyncJira.slas)
    versions = blocking(AsyncJira.versions)
    users = blocking(AsyncJira.users)
    changelog = blocking(AsyncJira.changelog)
    worklogs = blocking(AsyncJira.worklogs)
    sync = blocking(AsyncJira.sync)
    _edit = blocking(AsyncJira.edit)
    _transition = blocking(AsyncJira.transition)
    _comment = blocking(AsyncJira.comment)
    _create = blocking(AsyncJira.create)
    _link_issues = blocking(AsyncJira.link_issues)
    _worklog = blocking(AsyncJira.worklog)

    @functools.wraps(AsyncJira.edit, assigned=("__doc__",), updated=())
    def edit(self, frame: pd.DataFrame, columns: Sequence[str] | None = None, *, notify: bool = True) -> Plan:
        return Plan(self._edit(frame, columns, notify=notify))

    @functools.wraps(AsyncJira.transition, assigned=("__doc__",), updated=())
    def transition(
        self,
        issues: pd.DataFrame | Sequence[str] | str,
        status: str,
        *,
        resolution: str | None = None,
        fields: Mapping[str, Any] | None = None,
        comment: str | None = None,
    ) -> Plan:
        return Plan(self._transition(issues, status, resolution=resolution, fields=fields, comment=comment))

    @functools.wraps(AsyncJira.create, assigned=("__doc__",), updated=())
    def create(self, frame: pd.DataFrame) -> Plan:
        return Plan(self._create(frame))

    @functools.wraps(AsyncJira.link_issues, assigned=("__doc__",), updated=())
    def link_issues(self, frame: pd.DataFrame) -> Plan:
        return Plan(self._link_issues(frame))

    @functools.wraps(AsyncJira.worklog, assigned=("__doc__",), updated=())
    def worklog(self, frame: pd.DataFrame) -> Plan:
        return Plan(self._worklog(frame))

    @functools.wraps(AsyncJira.comment, assigned=("__doc__",), updated=())
    def comment(self, issues: pd.DataFrame | Sequence[str] | str, text: str | Mapping[str, str]) -> Plan:
        return Plan(self._comment(issues, text))

    to_parquet = blocking(AsyncJira.to_parquet)
    fields = blocking(AsyncJira.fields)
    myself = blocking(AsyncJira.myself)
