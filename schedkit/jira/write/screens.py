"""What the site's screens offer: the fields of an issue, and the values that each may hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from schedkit.errors import NotFoundError, SiteError, UsageError
from schedkit.jira.pages.session import Session

__all__ = ["Ask", "Screen", "Screens"]

PAGE = 200


@dataclass(frozen=True, slots=True)
class Screen:
    """The fields of one screen: what the site says of each, by its id."""

    fields: Mapping[str, Any] = field(default_factory=dict)

    def names(self, id: str) -> list[str]:
        """Return the names of the values that a field may hold, as far as the site lists them."""
        return [str(name) for row in self._allowed(id) if (name := row.get("value") or row.get("name"))]

    def cascades(self, id: str) -> dict[str, dict[str, Any]]:
        """Return the options of a cascading field as JSON, by what a cell shows of them."""
        found: dict[str, dict[str, Any]] = {}
        for row in self._allowed(id):
            parent = {"value": str(row.get("value"))}
            found[parent["value"]] = parent
            for below in row.get("children") or ():
                child = str(below.get("value"))
                found[f"{parent['value']} / {child}"] = {**parent, "child": {"value": child}}
        return found

    def _allowed(self, id: str) -> list[dict[str, Any]]:
        about = self.fields.get(id)
        rows = about.get("allowedValues") if isinstance(about, Mapping) else None
        return [row for row in rows or () if isinstance(row, dict)]


# Asks for a screen, where one is needed.
Ask = Callable[[], Awaitable[Screen]]


class Screens:
    """The screens of a site, each asked once; what the account may not see of them is empty."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._known: dict[tuple[str, ...], Screen] = {}

    async def edit(self, key: str) -> Screen:
        """Return the screen on which an issue is edited."""
        if (key,) not in self._known:
            answer: Any = None
            with suppress(SiteError):
                answer = await self.session.get(f"/rest/api/2/issue/{key}/editmeta")
            fields = answer.get("fields") if isinstance(answer, dict) else None
            self._known[key,] = Screen(fields if isinstance(fields, dict) else {})
        return self._known[key,]

    async def create(self, project: str, kind: str) -> Screen:
        """Return the screen on which issues of a type are created in a project."""
        if (project, kind) not in self._known:
            fields: Mapping[str, Any] = {}
            with suppress(SiteError):
                try:
                    fields = await self._create_fields(project, kind)
                except NotFoundError:
                    fields = await self._create_fields_before_8_4(project, kind)
            self._known[project, kind] = Screen(fields)
        return self._known[project, kind]

    async def _create_fields(self, project: str, kind: str) -> dict[str, Any]:
        path = f"/rest/api/2/issue/createmeta/{quote(project, safe='')}/issuetypes"
        types = await self._pages(path, "issueTypes")
        id = next((row.get("id") for row in types if row.get("name") == kind), None)
        rows = [] if id is None else await self._pages(f"{path}/{id}", "fields")
        return {str(row.get("fieldId")): row for row in rows}

    async def _create_fields_before_8_4(self, project: str, kind: str) -> dict[str, Any]:
        params = {
            "projectKeys": project,
            "issuetypeNames": kind,
            "expand": "projects.issuetypes.fields",
        }
        answer = await self.session.get("/rest/api/2/issue/createmeta", params)
        found: dict[str, Any] = {}
        for place in answer.get("projects") or () if isinstance(answer, dict) else ():
            for each in place.get("issuetypes") or ():
                found |= (each.get("fields") or {}) if each.get("name") == kind else {}
        return found

    async def _pages(self, path: str, name: str) -> list[dict[str, Any]]:
        """Return the rows of all pages: Cloud calls them by `name`, Data Center ``values``."""
        rows: list[dict[str, Any]] = []
        while True:
            page = await self.session.get(path, {"startAt": len(rows), "maxResults": PAGE})
            page = page if isinstance(page, dict) else {}
            new = [row for row in page.get(name) or page.get("values") or () if isinstance(row, dict)]
            rows += new
            if not new or page.get("isLast") is True or len(rows) >= int(page.get("total") or 0):
                return rows

    async def one_of(self, key: str, ids: Sequence[str]) -> str:
        """Return which of several fields an issue has.

        Raises
        ------
        UsageError
            If it is not exactly one.
        """
        fields = (await self.edit(key)).fields
        offered = [id for id in ids if id in fields]
        if len(offered) != 1:
            raise UsageError(
                f"{key} can be edited in {len(offered)} of the fields {', '.join(ids)}",
                hint="name the column by the field's id",
            )
        return offered[0]
