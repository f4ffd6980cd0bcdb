"""Asking for a login once, checking it, and keeping it where the system keeps secrets."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable
from typing import TypeVar

from schedkit.atlassian.credentials import normalised
from schedkit.errors import AuthError, UsageError
from schedkit.values.secrets import forget_entry, keep_entry, read_entry

__all__ = ["ask_login", "connected", "forget", "recall", "remember"]

T = TypeVar("T")

_log = logging.getLogger("schedkit")


def recall(url: str, user: str | None) -> tuple[str | None, str] | None:
    """Return the (user, token) kept for a site, None if there is none or no keyring."""
    entry = read_entry(_name(url, user))
    if entry is None:
        return None
    kept, line, token = entry.rpartition("\n")
    return (kept or None) if line else user, token


def remember(url: str, asked_user: str | None, user: str | None, token: str) -> bool:
    """Store a login in the keyring; return whether there is one."""
    return keep_entry(_name(url, asked_user), f"{user or ''}\n{token}")


def forget(url: str, user: str | None = None) -> None:
    """Drop a login from the keyring."""
    forget_entry(_name(url, user))


def ask_login(url: str, user: str | None) -> tuple[str | None, str]:
    """Ask for the login of a site; the token is not shown.

    Raises
    ------
    AuthError
        If there is no terminal or notebook to type it in.
    """
    site = normalised(url)
    try:
        if user is None and site.endswith(".atlassian.net"):
            user = input(f"E-mail address for {site}: ").strip() or None
        token = getpass.getpass(f"Token for {user or 'you'} at {site} (not shown): ").strip()
    except (EOFError, OSError, NotImplementedError, getpass.GetPassWarning):
        raise AuthError(
            f"cannot ask for the login of {site}: there is no terminal to type it in",
            hint="give user= and token=, or run connect() once in a notebook or a terminal",
        ) from None
    if not token:
        raise UsageError("no token was given", hint="create one in your profile on the site")
    return user, token


def connected(
    make: Callable[[str | None, str], T],
    check: Callable[[T], object],
    url: str,
    user: str | None,
    *,
    again: bool,
) -> T:
    """Return a checked client, asking for the login the first time (or `again`) and keeping it.

    Parameters
    ----------
    make : callable
        ``make(user, token)`` returns the client.
    check : callable
        Raises `AuthError` if the login is refused.

    Raises
    ------
    AuthError
        If the login is refused, or there is no terminal or notebook to type it in.
    """
    kept = None if again else recall(url, user)
    name, token = kept or ask_login(url, user)
    client = make(name, token)
    try:
        check(client)
    except AuthError as error:
        if kept:
            error.hint = f"the kept token no longer works: {type(client).__name__}.connect(url, again=True)"
        raise
    if not kept and not remember(url, user, name, token):
        _log.warning(
            "the token of %s is not stored: no keyring (pip install 'schedkit[notebook]', or give token=)",
            normalised(url),
        )
    return client


def _name(url: str, user: str | None) -> str:
    return f"{normalised(url)} {user}" if user else normalised(url)
