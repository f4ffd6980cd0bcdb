"""Users by the name a cell shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schedkit.errors import SiteError, UsageError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.pages.session import Session
from schedkit.jira.table.people import LABEL
from schedkit.jira.write.compare import split_names
from schedkit.jira.write.values import cell_value, missing

__all__ = ["People", "identity", "is_called", "my_account", "shows"]

_IDS = ("emailAddress", "accountId", "name", "key")
_ID = re.compile(r"[\w:-]{6,128}")
# Names with more commas than this are not looked for in a text of several names.
_COMMAS = 2


class People:
    """Finds users of one site, each name asked once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._cloud = session.dialect is CLOUD
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._near: dict[str, list[str]] = {}

    async def find(self, name: str) -> dict[str, str]:
        """Return what identifies the user that `name` (or an e-mail address, account or user name) means.

        Raises
        ------
        UsageError
            If no user, or more than one, has that name.
        """
        id = "accountId" if self._cloud else "name"
        accounts = {str(row[id]) for row in await self._called(name) if row.get(id)}
        if not accounts:
            near = ", ".join(self._near[name])
            raise UsageError(
                f"no user is called {name!r}", hint=f"similar users: {near}" if near else "check the name"
            )
        if len(accounts) > 1:
            raise UsageError(f"{len(accounts)} users are called {name!r}", hint=f"give the {id}")
        return {id: accounts.pop()}

    async def ids(self, name: str) -> frozenset[str]:
        """Return all that identifies the only user of a name; nothing if there is none, or several."""
        rows = await self._called(name)
        return (
            frozenset(str(rows[0][id]) for id in _IDS if rows[0].get(id)) if len(rows) == 1 else frozenset()
        )

    async def split(self, text: str, shown: Iterable[str]) -> tuple[str, ...]:
        """Return the names in a text with commas, though a name may hold commas itself.

        Parameters
        ----------
        shown : iterable of str
            Names that the site's issues show; others are looked up.
        """
        parts, known = [part.strip() for part in text.split(",")], set(shown)
        for start in range(len(parts)):
            for stop in range(start + 1, min(start + _COMMAS + 1, len(parts)) + 1):
                name = ", ".join(parts[start:stop])
                if name and name not in known and await self._called(name):
                    known.add(name)
        return split_names(text, known)

    async def _called(self, name: str) -> list[dict[str, Any]]:
        if name not in self._found:
            self._found[name] = await self._ask(name)
        return self._found[name]

    async def _ask(self, name: str) -> list[dict[str, Any]]:
        rows = await self._search(name)
        self._near[name] = [str(row.get("displayName")) for row in rows[:3]]
        found = [row for row in rows if is_called(row, name)]
        label = LABEL.fullmatch(name)
        if not found and label:
            rows = [row for row in await self._search(label[2]) if is_called(row, label[2])]
            found = [row for row in rows if row.get("displayName") == label[1]]
        return found

    async def _search(self, text: str) -> list[dict[str, Any]]:
        """Return the users whose name, address or id begins with, or is, a text."""
        params = {"query" if self._cloud else "username": text, "maxResults": 50}
        answer = await self.session.get(f"{self.session.dialect.api}/user/search", params)
        rows = [row for row in answer or [] if isinstance(row, dict)]
        if _ID.fullmatch(text) and not any(is_called(row, text) for row in rows):
            # A search looks at names and addresses only.
            params = {"accountId" if self._cloud else "key": text}
            try:
                rows.append(await self.session.get(f"{self.session.dialect.api}/user", params))
            except SiteError as error:
                if error.status not in (400, 403, 404):
                    raise
        return rows


def is_called(user: Mapping[str, Any], text: str) -> bool:
    """Tell whether a text is the name, the address or an id of a user, in any case."""
    return text.casefold() in {str(user.get(part) or "").casefold() for part in ("displayName", *_IDS)}


def shows(cell: Any, held: Sequence[Any], store: str) -> bool:
    """Tell whether a cell shows the users `held` (as answers tell them), by any name that means them."""
    texts = [_texts(user) for user in held]
    if missing(cell) or cell == "":
        return not held
    if store != "list":
        names: tuple[str, ...] = (str(cell),)
    elif isinstance(cell, str):
        names = split_names(cell, set().union(*texts))
    else:
        names = cell_value(cell, store)
    # A name with an address behind it means one of those who share the name; the name alone means any.
    for name in sorted(names, key=len, reverse=True):
        meant = next((each for each in texts if " ".join(name.split()) in each), None)
        if meant is None:
            return False
        texts.remove(meant)
    return not texts


def _texts(user: Any) -> set[str]:
    if not isinstance(user, Mapping):
        return {" ".join(str(user).split())}
    name, ids = str(user.get("displayName") or ""), [str(user[id]) for id in _IDS if user.get(id)]
    texts = [name, *(f"{name} ({id})" for id in ids)] if name else ids
    return {" ".join(text.split()) for text in texts}


async def my_account(session: Session) -> str:
    """Return what tells the account that is logged in from others."""
    return identity(await session.get("/rest/api/2/myself"))


def identity(user: Mapping[str, Any] | None) -> str:
    """Return what tells a user from others."""
    user = user or {}
    return str(user.get("accountId") or user.get("key") or user.get("name") or "")
