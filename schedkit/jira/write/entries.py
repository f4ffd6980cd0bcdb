"""One comment or entry of work on an issue, made once though two processes ask for it at one moment.

It bears a property: a mark, made of its content, and a number of the step that sent it. Both processes may
look before either has sent. So each looks again afterwards, and removes its own unless it is the earliest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from schedkit.atlassian import Answer, Request
from schedkit.errors import NotFoundError, SiteError
from schedkit.jira.pages.session import Session
from schedkit.jira.write.marks import PROPERTY, mark_of, property_of
from schedkit.jira.write.people import identity
from schedkit.jira.write.plan import Step

__all__ = ["Place", "entry_step"]

PAGE = 1000

# Tells whether an entry has the content that is asked for.
Same = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """A list of an issue's entries.

    Parameters
    ----------
    path : str
        Its address.
    name : str
        What its answers call it.
    me : str
        Whose entries count.
    marked : bool
        Whether its entries may bear properties.
    query : dict, optional
        Parameters of the request that adds one.
    """

    session: Session
    path: str
    name: str
    me: str
    marked: bool = True
    query: Mapping[str, str] | None = None


def entry_step(place: Place, key: str, action: str, body: Mapping[str, Any], same: Same) -> Step:
    """Return the step that makes an entry, unless the same person has made the same one."""
    mark, sender = mark_of(json.dumps(body, sort_keys=True)), uuid4().hex
    mine = _Entry(place, same, mark, sender)
    sent = dict(body)
    if place.marked:
        sent["properties"] = [{"key": PROPERTY, "value": {"mark": mark, "sender": sender}}]
    request = Request("POST", place.path, params=place.query, json=sent)
    return Step(key, action, request, mine.look, mine.take, settle=mine.settle)


class _Entry:
    """What the site shows of an entry: those of the same content, and which of them was sent here."""

    def __init__(self, place: Place, same: Same, mark: str, sender: str) -> None:
        self.place, self.same, self.mark, self.sender = place, same, mark, sender
        self.id = ""
        self.found: list[tuple[str, int]] = []  # the moment and the id of each

    def take(self, answer: Answer) -> None:
        """Note the id of the entry that was made."""
        made = answer.json()
        self.id = str(made.get("id") or "") if isinstance(made, dict) else ""

    async def look(self) -> str:
        """Tell whether there is such an entry."""
        self.found = []
        start = 0
        while True:
            params = {"startAt": start, "maxResults": PAGE, "expand": "properties"}
            request = Request("GET", self.place.path, params=params)
            answer = (await self.place.session.site.send(request)).json()
            entries = answer.get(self.place.name) or []
            for entry in entries:
                self._note(entry)
            start += len(entries)
            if not entries or start >= int(answer.get("total") or 0):
                return "done" if self.found else "open"

    def _note(self, entry: Mapping[str, Any]) -> None:
        mark = property_of(entry)
        if identity(entry.get("author")) != self.place.me:
            return
        if mark.get("mark") != self.mark and not self.same(entry):
            return
        self.found.append((str(entry.get("created") or ""), int(entry["id"])))
        if mark.get("sender") == self.sender:
            self.id = str(entry["id"])

    async def settle(self) -> tuple[str, str]:
        """Remove the entry that was sent here if another of the same content is earlier."""
        # The moment comes first: the nodes of a Data Center take their ids from different ranges.
        ids = [str(id) for _, id in sorted(self.found)]
        if self.id not in ids[1:]:
            return "done", ""
        try:
            await self.place.session.site.send(Request("DELETE", f"{self.place.path}/{self.id}"))
        except NotFoundError:
            pass
        except SiteError as error:
            return "done", f"it is there twice, for another process made it too: {error.message}"
        return "already done", "another process made it at the same moment"
