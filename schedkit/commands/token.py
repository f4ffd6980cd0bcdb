"""``schedkit token``: make, list and revoke the tokens of the server."""

from __future__ import annotations

import json
import sys

from schedkit.app import app
from schedkit.core.store.database import Store
from schedkit.core.store.tokens import TokenRow, Tokens
from schedkit.values.text import one_line

__all__ = ["list_tokens", "new_token", "revoke_token"]


def new_token(name: str, *, scope: str, ledger: str | None) -> None:
    """Make a token and print it; it cannot be shown again."""
    row, text = _tokens(ledger).new(name, scope)
    sys.stderr.write(f"token {row.name} ({', '.join(row.scopes)}); it is shown only now:\n")
    sys.stdout.write(f"{text}\n")


def list_tokens(*, as_json: bool, ledger: str | None) -> None:
    """Print every token, also revoked ones, without their texts."""
    rows = _tokens(ledger).all()
    if as_json:
        sys.stdout.write(json.dumps([_facts(row) for row in rows], indent=2) + "\n")
        return
    for row in rows:
        revoked = "" if row.revoked_at is None else f"  revoked {row.revoked_at:%Y-%m-%d %H:%M} UTC"
        made = f"{row.created_at:%Y-%m-%d %H:%M} UTC"
        sys.stdout.write(f"{row.id}  {row.scopes[-1]:5}  {made}  {one_line(row.name)}{revoked}\n")


def revoke_token(wanted: str, *, ledger: str | None) -> None:
    """Revoke a token by its id or name; its sessions and streams end within seconds."""
    row = _tokens(ledger).revoke(wanted)
    sys.stdout.write(f"token {one_line(row.name)} ({row.id}) is revoked\n")


def _tokens(ledger: str | None) -> Tokens:
    store = Store(app().ledger(ledger))
    store.open()
    return Tokens(store)


def _facts(row: TokenRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": list(row.scopes),
        "created_at": row.created_at.isoformat(),
        "revoked_at": None if row.revoked_at is None else row.revoked_at.isoformat(),
    }
