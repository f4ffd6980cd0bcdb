"""What differs between Jira Cloud and Jira Data Center, as data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLOUD", "DATA_CENTER", "Dialect"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of Jira.

    Parameters
    ----------
    name : str
        ``cloud`` or ``data center``.
    api : str
        Root of the REST API.
    page : int
        Issues a page of a search holds at most, fields included.
    id_page : int
        The same for a search for ids only.
    bulk : int
        Issues fetched by id in one request.
    rich : str
        Markup of text fields: ``adf`` or ``wiki``.
    """

    name: str
    api: str
    page: int
    id_page: int
    bulk: int
    rich: str


CLOUD = Dialect("cloud", "/rest/api/3", page=100, id_page=5000, bulk=100, rich="adf")
DATA_CENTER = Dialect("data center", "/rest/api/2", page=1000, id_page=1000, bulk=500, rich="wiki")
