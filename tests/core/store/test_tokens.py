"""Tokens: made, found by their text, revoked; their text is nowhere in the ledger."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens, matches, token_id
from schedkit.errors import UsageError


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    store = Store(tmp_path / "ledger.db")
    store.open()
    return Tokens(store)


def test_a_token_is_known_by_its_text(tokens: Tokens) -> None:
    row, text = tokens.new("ci", "act")
    other, _ = tokens.new("grafana")
    assert re.fullmatch(r"sk_[0-9a-f]{8}_[\w-]{43}", text)
    assert token_id(text) == row.id
    assert matches(row, text)
    assert not matches(row, text[:-1])
    assert not matches(other, text)
    assert [(each.name, each.scopes) for each in tokens.all()] == [
        ("ci", ("read", "act")),
        ("grafana", ("read",)),
    ]


def test_its_text_is_not_in_the_ledger(tokens: Tokens, tmp_path: Path) -> None:
    row, text = tokens.new("ci", "admin")
    assert row.hash == hashlib.sha256(text.split("_", 2)[2].encode()).hexdigest()
    secret = text.rpartition("_")[2] if "_" not in text[12:] else text[12:]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    assert b"ci" in kept
    assert secret.encode() not in kept


def test_a_revoked_one_is_not_valid_and_its_name_is_free(tokens: Tokens) -> None:
    first, _ = tokens.new("ci")
    tokens.revoke("ci")
    assert tokens.valid() == []
    again, _ = tokens.new("ci")
    assert tokens.revoke(again.id).id == again.id
    assert [row.revoked_at is None for row in tokens.all()] == [False, False]
    assert first.id != again.id


@pytest.mark.parametrize("text", ["", "sk", "sk_", "sk_12", "sk_12_", "xx_12_secret", "Bearer x", "sk__"])
def test_what_is_no_token_names_none(text: str) -> None:
    assert token_id(text) == ""


def test_wrong_ones_are_refused(tokens: Tokens) -> None:
    tokens.new("ci")
    with pytest.raises(UsageError, match="there is a token 'ci' already"):
        tokens.new("ci")
    with pytest.raises(UsageError, match=r"invalid scope 'write'.*known: read, act, admin"):
        tokens.new("x", "write")
    with pytest.raises(UsageError, match=r"invalid scope 'reed'.*did you mean 'read'"):
        tokens.new("x", "reed")
    for name in ("", "a\nb", "\x1b[31m", "x" * 101):
        with pytest.raises(UsageError, match="invalid token name"):
            tokens.new(name)
    with pytest.raises(UsageError, match=r"no valid token 'cj'.*known: ci"):
        tokens.revoke("cj")
