"""An opened site: how it is asked, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from schedkit.atlassian import Request, Site
from schedkit.jira.dialect import Dialect
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.statuses import Statuses

__all__ = ["Session"]


@dataclass
class Session:
    """An opened site.

    Parameters
    ----------
    site : Site
        With its login.
    dialect : Dialect
        Cloud or Data Center.
    catalog : Catalog
        Its fields.
    clock_ahead : timedelta
        How far its clock is ahead of ours.
    deep : bool, optional
        Whether a search can be paged beyond the result window; None: not tried yet.
    ranks : dict
        The site's own order of priorities, statuses and status categories, by kind.
    statuses : dict
        Name and category of each status, by its id.
    base : str
        The site's own address, as its pages and links have it: other than that of a gateway or an internal
        one, by which it may be asked.
    addresses : dict
        By account, the e-mail address or login name of people seen so far.
    written : dict
        By key and field id, what this client's edits have replaced there, and what they wrote last.
    """

    site: Site
    dialect: Dialect
    catalog: Catalog
    clock_ahead: timedelta = timedelta(0)
    deep: bool | None = None
    ranks: dict[str, list[str]] = field(default_factory=dict)
    statuses: Statuses = field(default_factory=Statuses)
    base: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    written: dict[tuple[str, str], tuple[tuple[Any, ...], Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = self.base or self.site.url

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON that the site answers to a GET.

        Raises
        ------
        SiteError
            If it refuses, or cannot be reached.
        """
        return (await self.site.send(Request("GET", path, params=params))).json()
