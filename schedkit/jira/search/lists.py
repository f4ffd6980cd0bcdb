"""Lists inside an issue (comments, worklogs) that the site shows only a part of, read whole."""

from __future__ import annotations

from collections.abc import Set

import msgspec

from schedkit.errors import BadAnswerError, SiteError
from schedkit.jira.pages.session import Session
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.kinds import Kind, NameOf, entries
from schedkit.values.validation import msgspec_words

__all__ = ["PartialLists", "whole_list"]

PAGE = 1000


class PartialLists:
    """The lists that the site gave in part, and the whole of those that have been read.

    Reading begins as soon as a page shows that a list is cut; of a newer copy of the issue it is read again.

    Parameters
    ----------
    whole : dict
        By label and id: the cells of a list.
    failures : dict
        By label and id: why a list could not be read.
    """

    def __init__(self) -> None:
        self.whole: dict[str, dict[int, tuple[str, ...]]] = {}
        self.failures: dict[str, dict[int, str]] = {}
        # When the copy was updated whose list is cut, by label and id.
        self._copies: dict[str, dict[int, int]] = {}

    def add(self, batch: Batch) -> list[tuple[str, int]]:
        """Take note of the lists that are cut in a batch; returns label and id of those to read."""
        unread: list[tuple[str, int]] = []
        for label, rows in batch.cut.items():
            known = self._copies.setdefault(label, {})
            if not known and not rows:
                continue
            updated = dict(zip(batch.ids.tolist(), batch.updated.tolist(), strict=True))
            cut = set(batch.ids[rows].tolist())
            for id in updated.keys() & known.keys() | cut:
                if id in known and (updated[id] < known[id] or (id in cut and updated[id] == known[id])):
                    continue
                self._forget(label, id)
                if id in cut:
                    known[id] = updated[id]
                    unread.append((label, id))
        return unread

    def _forget(self, label: str, id: int) -> None:
        for held in (self._copies, self.whole, self.failures):
            held.get(label, {}).pop(id, None)

    async def read(self, session: Session, label: str, id: int, kind: Kind, name: NameOf) -> None:
        """Read one list; what a newer copy of the issue has overtaken meanwhile is dropped.

        `name` tells what the people in it are called.
        """
        copy = self._copies[label].get(id)
        try:
            cells, failure = await whole_list(session, id, kind, name), ""
        except SiteError as error:
            cells, failure = (), error.message
        if copy is None or self._copies[label].get(id) != copy:
            return
        if failure:
            self.failures.setdefault(label, {})[id] = failure
        else:
            self.whole.setdefault(label, {})[id] = cells

    def unread(self, ids: Set[int]) -> list[tuple[str, int]]:
        """Return label and id of the lists of these issues that have not been tried yet."""
        return [
            (label, id)
            for label, known in self._copies.items()
            for id in sorted(known.keys() & ids)
            if id not in self.whole.get(label, ()) and id not in self.failures.get(label, ())
        ]


async def whole_list(session: Session, id: int, kind: Kind, name: NameOf) -> tuple[str, ...]:
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
            raise BadAnswerError(f"{path} did not return a list: {msgspec_words(problem)}") from None
        cells += kind.flat(page, name) if kind.flat else ()
        total = 0 if isinstance(page, list) else page.total or 0
        if len(cells) >= total:
            return tuple(cells)
        if not entries(page):
            raise BadAnswerError(f"{path} gave {len(cells)} of {total}")
