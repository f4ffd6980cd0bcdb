"""Bearer tokens: who may use the server. A token's text is shown once; the ledger keeps its hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import select

from schedkit.core.store.database import Store
from schedkit.core.store.queries import mappings
from schedkit.core.store.schema import tokens
from schedkit.errors import UsageError
from schedkit.values.instants import from_micros
from schedkit.values.text import did_you_mean, one_line, safe_repr

__all__ = ["SCOPES", "TokenRow", "Tokens", "matches", "token_id"]

SCOPES = ("read", "act", "admin")  # each includes those before it
LONGEST_NAME = 100
PREFIX = "sk"


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token as the ledger knows it."""

    id: str
    name: str
    hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None


class Tokens:
    """The tokens of a ledger.

    Parameters
    ----------
    store : Store
        The ledger's database; its tables exist.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def new(self, name: str, scope: str = "read") -> tuple[TokenRow, str]:
        """Make a token; return its row and its text, which cannot be read again.

        Parameters
        ----------
        name : str
            Who uses it: the actor of all that is done with it.
        scope : {"read", "act", "admin"}
            What it allows, with all that is before it in this list.

        Raises
        ------
        UsageError
            If the name is empty or taken by another valid token, or there is no such scope.
        """
        if scope not in SCOPES:
            raise UsageError(f"invalid scope {safe_repr(scope)}", hint=did_you_mean(scope, SCOPES))
        if not name or name != one_line(name, LONGEST_NAME):
            raise UsageError(
                f"invalid token name {safe_repr(name)}", hint=f"one line of at most {LONGEST_NAME} characters"
            )
        if any(row.name == name for row in self.valid()):
            raise UsageError(f"there is a token {name!r} already", hint="revoke it first, or choose a name")
        id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        allowed = SCOPES[: SCOPES.index(scope) + 1]
        now = int(time.time() * 1e6)
        row = {"id": id, "name": name, "hash": _hash(secret), "scopes": ",".join(allowed)}
        with self._store.writing() as connection:
            connection.execute(tokens.insert(), [{**row, "created_at": now, "revoked_at": None}])
        made = TokenRow(id=id, name=name, hash=row["hash"], scopes=allowed, created_at=from_micros(now))
        return made, f"{PREFIX}_{id}_{secret}"

    def all(self) -> list[TokenRow]:
        """Return every token, also revoked ones, the oldest first."""
        with self._store.reading() as connection:
            found = list(mappings(connection, select(tokens).order_by(tokens.c.created_at, tokens.c.id)))
        with self._store.decoding():
            return [_token(row) for row in found]

    def valid(self) -> list[TokenRow]:
        """Return the tokens that are not revoked."""
        return [row for row in self.all() if row.revoked_at is None]

    def revoke(self, wanted: str) -> TokenRow:
        """Revoke a valid token, given by its id or its name; return it.

        Raises
        ------
        UsageError
            If there is none.
        """
        known = self.valid()
        row = next((each for each in known if wanted in (each.id, each.name)), None)
        if row is None:
            raise UsageError(
                f"there is no valid token {safe_repr(wanted)}",
                hint=did_you_mean(wanted, [each.name for each in known]),
            )
        change = sa.update(tokens).where(tokens.c.id == row.id).values(revoked_at=int(time.time() * 1e6))
        with self._store.writing() as connection:
            connection.execute(change)
        return row


def token_id(text: str) -> str:
    """Return the id that a token's text names; empty if it is no token's text."""
    prefix, _, rest = text.partition("_")
    id, _, secret = rest.partition("_")
    return id if prefix == PREFIX and secret else ""


def matches(row: TokenRow, text: str) -> bool:
    """Tell whether a text is this token's; takes the same time for every wrong text."""
    return hmac.compare_digest(_hash(text.partition("_")[2].partition("_")[2]), row.hash)


def _hash(secret: str) -> str:
    # The secret is 32 random bytes: there is nothing to guess that a slow hash would protect.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _token(row: Mapping[str, Any]) -> TokenRow:
    return TokenRow(
        id=row["id"],
        name=row["name"],
        hash=row["hash"],
        scopes=tuple(row["scopes"].split(",")),
        created_at=from_micros(row["created_at"]),
        revoked_at=from_micros(row["revoked_at"]),
    )
