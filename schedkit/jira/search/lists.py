"""Lists inside an issue (comments, worklogs) that the site shows only a part of, read whole."""

from __future__ import annotations

import msgspec

from schedkit.errors import BadAnswerError
from schedkit.jira.pages.session import Session
from schedkit.jira.table.kinds import Kind

__all__ = ["whole_list"]

PAGE = 1000


async def whole_list(session: Session, id: int, kind: Kind) -> tuple[str, ...]:
    """Return all cells of a list of an issue, page by page.

    Raises
    ------
    SiteError
        If the site does not give all of them.
    """
    path = f"{session.dialect.api}/issue/{id}/{kind.endpoint}"
    cells: list[str] = []
    while True:
        params = {"startAt": len(cells), "maxResults": PAGE}
        answer = await session.get(path, params)
        try:
            page = msgspec.convert(answer, kind.type, strict=False)
        except msgspec.ValidationError as problem:
            raise BadAnswerError(f"{path} did not return a list: {problem}") from None
        cells += kind.flat(page) if kind.flat else ()
        if len(cells) >= (page.total or 0):
            return tuple(cells)
        if not page.items:
            raise BadAnswerError(f"{path} gave {len(cells)} of {page.total}")
