"""Secrets: what may stand in a file instead of one, and the system's keyring.

A file says ``${NAME}`` for an environment variable, ``file:PATH`` for the content of a file, and
``keyring:NAME`` for an entry of the system's keyring.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from schedkit.errors import FileError, MissingExtraError, SettingsError
from schedkit.values.extras import check_package
from schedkit.values.files import file_error, replacing
from schedkit.values.private import PRIVATE, make_private_folder

__all__ = [
    "SERVICE",
    "expanded",
    "forget_entry",
    "is_reference",
    "keep_entry",
    "keep_secret",
    "keyring_works",
    "masked",
    "masked_url",
    "read_entry",
    "secret",
]

SERVICE = "schedkit"
MASK = "********"
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PREFIXES = ("file:", "keyring:")
# A password ends at the last "@" before a blank or the next address: in it "/" and "@" may stand plainly.
# Digits before a path are a port. Proxies are written without a scheme, too.
_PASSWORD = re.compile(
    r"(?:(?<=://)|^(?!mailto:|file:|keyring:|[A-Za-z]:[\\/]))"
    r"([^/@:\s]*):(?!//|\d{1,5}(?:[/?#]|$))(?:(?!://)\S)+@"
)
_SECRET = r"(?:password|passwd|pwd|secret|token|api_?key)"
_IN_QUERY = re.compile(rf"([?&][\w.-]*{_SECRET}=)[^&#\s]+", re.IGNORECASE)
_NAME = re.compile(rf"{_SECRET}$", re.IGNORECASE)


def is_reference(text: str) -> bool:
    """Tell whether a text names a secret instead of holding it."""
    return text.startswith(_PREFIXES) or _VARIABLE.search(text) is not None


def expanded(value: Any, where: str, environment: Mapping[str, str] = os.environ) -> Any:
    """Return `value` with every ``${VARIABLE}`` of its texts filled in.

    Raises
    ------
    SettingsError
        A variable is not set.
    """
    if isinstance(value, dict):
        return {key: expanded(inner, where, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner, where, environment) for inner in value]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise SettingsError(f"{where}: ${{{name}}} is not set", hint=f"export {name} before starting")
        return environment[name]

    return _VARIABLE.sub(replaced, value)


def secret(text: str | None, where: str, root: Path) -> str | None:
    """Return the secret that a text of a settings file names, or the text with its variables filled in.

    Parameters
    ----------
    where : str
        What it is, which messages begin with.
    root : Path
        The folder that the path of ``file:PATH`` starts from.

    Raises
    ------
    SettingsError
        The variable is not set, or the keyring has no such entry.
    FileError
        The file cannot be read.
    """
    if text is None or not text.startswith(_PREFIXES):
        return None if text is None else str(expanded(text, where))
    kind, _, name = text.partition(":")
    name = str(expanded(name, where))
    return _from_file(root / name, where) if kind == "file" else _from_keyring(name, where)


def keep_secret(reference: str, text: str, root: Path) -> Path | None:
    """Store a secret where ``file:PATH`` or ``keyring:NAME`` names it; return the file, None for a keyring.

    Parameters
    ----------
    root : Path
        The folder that the path of ``file:PATH`` starts from.

    Raises
    ------
    SettingsError
        There is no keyring.
    FileError
        The file cannot be written.
    """
    kind, _, name = reference.partition(":")
    if kind == "keyring":
        if not keep_entry(name, text):
            raise SettingsError(
                "there is no keyring", hint="pip install 'schedkit[notebook]', or use file:PATH"
            )
        return None
    path = root / name
    try:
        make_private_folder(path.parent)
        with replacing(path, mode=PRIVATE) as new:
            new.file.write(text.encode() + b"\n")
        os.chmod(path, PRIVATE)
    except OSError as error:
        raise file_error(error, path) from None
    return path


def _from_file(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:  # what is in it may be a secret
        raise FileError(f"{where}: {path} is not UTF-8 text", hint="write the secret alone into it") from None
    except (OSError, ValueError) as error:
        problem = file_error(error, path, "read")
        raise FileError(f"{where}: {problem.message}", hint=problem.hint) from None


def _from_keyring(name: str, where: str) -> str:
    try:
        check_package("keyring", "notebook", "secrets of the keyring")
    except MissingExtraError as error:
        raise MissingExtraError(f"{where}: {error.message}", hint=error.hint) from None
    entry = read_entry(name)
    if not entry:
        raise SettingsError(
            f"{where}: the keyring has no entry {name!r}",
            hint=f"schedkit connect URL keeps the token of a site; others: keyring set {SERVICE} {name}",
        )
    # `connect` keeps the user in a line before the token.
    return entry.rpartition("\n")[2]


def masked_url(text: str) -> str:
    """Return a text with the password of each URL in it masked.

    Examples
    --------
    >>> masked_url("postgresql://bot:s3cret@db.example.org/jobs")
    'postgresql://bot:********@db.example.org/jobs'
    """
    return _IN_QUERY.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", text))


def masked(value: Any) -> Any:
    """Return a value with the passwords of its texts masked, also in lists and mappings.

    Texts whose key says that they are a secret are masked as a whole.

    Examples
    --------
    >>> masked({"https": "bot:s3cret@proxy:3128", "token": "s3cret", "retries": 3})
    {'https': 'bot:********@proxy:3128', 'token': '********', 'retries': 3}
    """
    if isinstance(value, str):
        return masked_url(value)
    if isinstance(value, Mapping):
        return {
            key: MASK if isinstance(inner, str) and _NAME.search(str(key)) else masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(map(masked, value))
    return value


def read_entry(name: str) -> str | None:
    """Return an entry of the keyring, None if there is none, or no keyring."""
    entry = _with_keyring(lambda keyring: keyring.get_password(SERVICE, name))
    return entry if isinstance(entry, str) and entry else None


def keep_entry(name: str, text: str) -> bool:
    """Store an entry in the keyring; return whether there is a keyring."""

    def keep(keyring: Any) -> bool:
        keyring.set_password(SERVICE, name, text)
        return True

    return _with_keyring(keep) is True


def forget_entry(name: str) -> None:
    """Drop an entry from the keyring."""
    _with_keyring(lambda keyring: keyring.delete_password(SERVICE, name))


def keyring_works() -> bool:
    """Tell whether there is a keyring that answers."""

    def ask(keyring: Any) -> bool:
        keyring.get_password(SERVICE, "schedkit doctor")
        return True

    return _with_keyring(ask) is True


def _with_keyring(use: Callable[[Any], Any]) -> Any:
    """Call `use` with the system's keyring; None where there is none, or it refuses."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    try:
        return use(keyring)
    except keyring.errors.KeyringError:
        return None
