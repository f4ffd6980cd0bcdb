"""Users by the name a cell shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schedkit.errors import UsageError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.pages.session import Session

__all__ = ["People", "identity", "my_account"]

_NAMES = ("displayName", "emailAddress", "accountId", "name", "key")


class People:
    """Finds users of one site, each name asked once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._found: dict[str, dict[str, str]] = {}

    async def find(self, name: str) -> dict[str, str]:
        """Return what identifies the user that `name` (or an e-mail address, account or user name) means.

        Raises
        ------
        UsageError
            If no user, or more than one, has that name.
        """
        if name not in self._found:
            self._found[name] = await self._ask(name)
        return self._found[name]

    async def _ask(self, name: str) -> dict[str, str]:
        cloud = self.session.dialect is CLOUD
        params = {"query" if cloud else "username": name, "maxResults": 50}
        answer = await self.session.get(f"{self.session.dialect.api}/user/search", params)
        people: list[dict[str, Any]] = [row for row in answer or [] if isinstance(row, dict)]
        identity = "accountId" if cloud else "name"
        exact = [
            row
            for row in people
            if name.casefold() in {str(row.get(part) or "").casefold() for part in _NAMES}
        ]
        accounts = {str(row[identity]) for row in exact if row.get(identity)}
        if not accounts:
            near = ", ".join(str(row.get("displayName")) for row in people[:3])
            raise UsageError(
                f"no user is called {name!r}", hint=f"similar users: {near}" if near else "check the name"
            )
        if len(accounts) > 1:
            raise UsageError(f"{len(accounts)} users are called {name!r}", hint=f"give the {identity}")
        return {identity: accounts.pop()}


async def my_account(session: Session) -> str:
    """Return what tells the account that is logged in from others."""
    return identity(await session.get("/rest/api/2/myself"))


def identity(user: Mapping[str, Any] | None) -> str:
    """Return what tells a user from others."""
    user = user or {}
    return str(user.get("accountId") or user.get("key") or user.get("name") or "")
