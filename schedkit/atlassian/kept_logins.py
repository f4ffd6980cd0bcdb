"""Where the logins that a person typed are kept: this process, the system's keyring, or a file of their own.

A login is a text: the user's name (empty without one), a line break, and the token. An environment variable
and a file of ``schedkit connect`` hold the token alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from schedkit.atlassian.credentials import normalised
from schedkit.errors import FileError
from schedkit.loop import process_singleton
from schedkit.values.files import file_error
from schedkit.values.secrets import forget_entry, keep_entry, keep_secret, read_entry

__all__ = ["forget", "given_logins", "private_file", "recall", "remember", "take_logins", "token_variable"]

SECRETS = Path(".schedkit") / "secrets"
Login = tuple[str | None, str]


def recall(url: str, user: str | None) -> Login | None:
    """Return the (user, token) known for a site, None if there is none.

    That of this process comes first, then the environment variable, the keyring, and files.
    """
    name = _name(url, user)
    for entry in (
        _typed().get(name),
        os.environ.get(token_variable(url)),
        read_entry(name),
        _from_files(url, user),
    ):
        if entry:
            kept, line, token = entry.rpartition("\n")
            return (kept or user) if line else user, token
    return None


def remember(url: str, asked_user: str | None, user: str | None, token: str, keep: str = "keyring") -> bool:
    """Keep a login for this process, and beyond it in the keyring or a file; return whether there is one."""
    entry = f"{user or ''}\n{token}"
    _typed()[_name(url, asked_user)] = entry
    if keep == "file":
        keep_secret(f"file:{private_file(url, asked_user)}", entry, Path())
        return True
    return keep_entry(_name(url, asked_user), entry)


def forget(url: str, user: str | None = None) -> None:
    """Drop a login from this process, from the keyring and from the person's file."""
    _typed().pop(_name(url, user), None)
    forget_entry(_name(url, user))
    private_file(url, user).unlink(missing_ok=True)


def token_variable(url: str) -> str:
    """Return the environment variable that may hold the token of a site.

    Examples
    --------
    >>> token_variable("https://issues.example.org/jira")
    'SCHEDKIT_TOKEN_ISSUES_EXAMPLE_ORG'
    """
    host = normalised(url).partition("://")[2].partition("/")[0]
    return "SCHEDKIT_TOKEN_" + "".join(char if char.isalnum() else "_" for char in host).upper()


def private_file(url: str, user: str | None) -> Path:
    """Return the file of this person, in their home folder, that may hold the login of a site."""
    return Path.home() / SECRETS / _file_name(url, user)


def given_logins() -> dict[str, str]:
    """Return what was typed in this process, for a background process that is to continue its work."""
    return dict(_typed())


def take_logins(logins: Mapping[str, str]) -> None:
    """Take what `given_logins` returned in another process."""
    _typed().update(logins)


def _typed() -> dict[str, str]:
    made: dict[str, str] = process_singleton("logins", dict)
    return made


def _from_files(url: str, user: str | None) -> str:
    """Return the text of a file with the login of a site: the person's own, or the project's."""
    for path in _places(url, user):
        try:
            if path.is_file():
                return path.read_text(encoding="utf-8").rstrip("\r\n")
        except UnicodeDecodeError:  # what is in it may be a secret
            raise FileError(f"{path} is not UTF-8 text", hint="write the token alone into it") from None
        except OSError as error:
            raise file_error(error, path, "read") from None
    return ""


def _places(url: str, user: str | None) -> Iterator[Path]:
    yield private_file(url, user)
    here = Path.cwd()
    for folder in (here, *here.parents):
        yield folder / SECRETS / _file_name(url, None)


def _file_name(url: str, user: str | None) -> str:
    name = normalised(url).partition("://")[2] + (f" {user}" if user else "")
    return "".join(char if char.isalnum() or char in ".-" else "_" for char in name)


def _name(url: str, user: str | None) -> str:
    return f"{normalised(url)} {user}" if user else normalised(url)
