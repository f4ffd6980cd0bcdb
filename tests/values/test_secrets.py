"""What stands for a secret in a file, and what never shows one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.errors import FileError, MissingExtraError, SettingsError
from schedkit.values.secrets import is_reference, keep_entry, keyring_works, masked, masked_url, secret


@pytest.fixture
def entries() -> Iterator[dict[str, str]]:
    """The entries of a keyring of this test's own."""
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    kept: dict[str, str] = {}

    class Own(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return kept.get(username)

        def set_password(self, service: str, username: str, password: str) -> None:
            kept[username] = password

        def delete_password(self, service: str, username: str) -> None:
            del kept[username]

    before = keyring.get_keyring()
    keyring.set_keyring(Own())
    try:
        yield kept
    finally:
        keyring.set_keyring(before)


def test_plain_text_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHT", "s3cret")
    assert secret(None, "token", tmp_path) is None
    assert secret("plain", "token", tmp_path) == "plain"
    assert secret("a${NIGHT}b", "token", tmp_path) == "as3cretb"
    with pytest.raises(SettingsError, match=r"^token: \$\{ABSENT\} is not set .export ABSENT"):
        secret("${ABSENT}", "token", tmp_path)


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("s3cret\r\n")
    assert secret("file:token", "sites.a.token", tmp_path) == "s3cret"
    monkeypatch.setenv("SECRETS", str(tmp_path))
    assert secret("file:${SECRETS}/token", "sites.a.token", Path("/nowhere")) == "s3cret"
    with pytest.raises(FileError, match=r"^sites.a.token: cannot read .*gone: "):
        secret("file:gone", "sites.a.token", tmp_path)
    (tmp_path / "binary").write_bytes(b"s3cret\xff")
    with pytest.raises(FileError, match="is not UTF-8 text") as caught:
        secret("file:binary", "sites.a.token", tmp_path)
    assert "s3cret" not in str(caught.value)


def test_the_keyring(tmp_path: Path, entries: dict[str, str]) -> None:
    assert keyring_works()
    assert keep_entry("https://a.example.org", "ann\ns3cret")
    assert secret("keyring:https://a.example.org", "token", tmp_path) == "s3cret"
    entries["chat"] = "plain"
    assert secret("keyring:chat", "token", tmp_path) == "plain"
    with pytest.raises(SettingsError, match=r"token: the keyring has no entry 'gone' .schedkit connect"):
        secret("keyring:gone", "token", tmp_path)


def test_without_a_keyring_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # it cannot be imported
    with pytest.raises(MissingExtraError, match=r"token: secrets of the keyring need the package keyring"):
        secret("keyring:x", "token", tmp_path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://bot:s3cret@db.example.org/jobs", "postgresql://bot:********@db.example.org/jobs"),
        ("http://:pw@proxy:3128", "http://:********@proxy:3128"),
        ("http://u:${PW}@proxy", "http://u:********@proxy"),
        ("http://u:s3@cr/et@proxy:3128", "http://u:********@proxy:3128"),
        ("postgresql://u:80b/x?y#z@db/jobs", "postgresql://u:********@db/jobs"),
        ("u:s3cret@proxy:3128", "u:********@proxy:3128"),
        ("http://a:b@c, then ftp://d:e@f", "http://a:********@c, then ftp://d:********@f"),
        (
            "postgresql:///jobs?host=db&password=s3cret&a=b",
            "postgresql:///jobs?host=db&password=********&a=b",
        ),
        ("https://x.example.org/?Access_Token=s3cret", "https://x.example.org/?Access_Token=********"),
        ("http://host:8080/a/b@2x.png", "http://host:8080/a/b@2x.png"),
        ("mailto:ann@example.org", "mailto:ann@example.org"),
        ("keyring:ann@example.org", "keyring:ann@example.org"),
        ("C:\\jobs\\a@b", "C:\\jobs\\a@b"),
        ("https://example.org/a:b@c", "https://example.org/a:b@c"),
        (".schedkit/ledger.db", ".schedkit/ledger.db"),
    ],
)
def test_passwords_of_urls_are_masked(text: str, shown: str) -> None:
    assert masked_url(text) == shown


def test_passwords_are_masked_wherever_they_stand() -> None:
    url, shown = "http://u:s3cret@proxy", "http://u:********@proxy"
    assert masked({"a": [url], "b": (url, 1, None)}) == {"a": [shown], "b": (shown, 1, None)}
    assert masked({"db_password": "s3cret", "token": {"a": 1}}) == {
        "db_password": "********",
        "token": {"a": 1},
    }


@pytest.mark.parametrize("text", ["://a:", "://", "x:", "?token", "?a-", "@", "a:b@", "://a:b"])
def test_masking_takes_linear_time(text: str) -> None:
    """Of 100 KB: a pattern whose time grows with the square takes minutes."""
    began = time.process_time()
    masked_url(text * (100_000 // len(text)))
    masked_url("http://" + text * (100_000 // len(text)))
    assert time.process_time() - began < 20


def test_what_is_a_reference() -> None:
    assert all(map(is_reference, ["${A}", "x${A}", "file:a", "keyring:b"]))
    assert not any(map(is_reference, ["", "secret", "$A", "{A}"]))
