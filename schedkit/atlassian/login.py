"""Asking for a login once, checking it, and keeping it where the system keeps secrets."""

from __future__ import annotations

import getpass
import logging
import sys
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from schedkit.atlassian.credentials import normalised
from schedkit.atlassian.kept_logins import private_file, recall, remember, token_variable
from schedkit.errors import AuthError, UsageError
from schedkit.values.parsers import choice

__all__ = ["KEEP", "ask_login", "connected", "is_cloud", "token_page"]

T = TypeVar("T")

_log = logging.getLogger("schedkit")

# Where `connect` keeps a token.
KEEP = choice("keyring", "file")
CLOUD_TOKENS = "https://id.atlassian.com/manage-profile/security/api-tokens"
DATA_CENTER_TOKENS = {
    "jira": "/secure/ViewProfile.jspa?selectedTab="
    "com.atlassian.pats.pats-plugin:jira-user-personal-access-tokens",
    "confluence": "/plugins/personalaccesstokens/usertokens.action",
}


def is_cloud(url: str) -> bool:
    """Tell whether a site is on Atlassian's Cloud, by its address."""
    return (urlsplit(url).hostname or "").endswith(".atlassian.net")


def token_page(url: str, kind: str) -> str:
    """Return the page on which a person creates a token for a site."""
    return CLOUD_TOKENS if is_cloud(url) else url + DATA_CENTER_TOKENS[kind]


def ask_login(url: str, user: str | None, kind: str = "") -> tuple[str | None, str]:
    """Ask for the login of a site; the token is not shown.

    Parameters
    ----------
    kind : {"jira", "confluence", ""}
        If given, the page on which tokens are made is told first.

    Raises
    ------
    AuthError
        If there is no terminal or notebook to type it in.
    """
    site = normalised(url)
    if kind:
        sys.stdout.write(f"Create a token at {token_page(site, kind)}\n")
        sys.stdout.flush()
    try:
        if user is None and is_cloud(site):
            user = input(f"E-mail address for {site}: ").strip() or None
        token = getpass.getpass(f"Token for {user or 'you'} at {site} (not shown): ").strip()
    except (EOFError, OSError, NotImplementedError, getpass.GetPassWarning):
        raise AuthError(
            f"cannot ask for the login of {site}: there is no terminal to type it in",
            hint=f"give user= and token=, set {token_variable(site)}, or run connect() once in a notebook or "
            "a terminal",
        ) from None
    if not token:
        hint = f"create one at {token_page(site, kind)}" if kind else "create one in your profile on the site"
        raise UsageError("no token was given", hint=hint)
    return user, token


def connected(
    make: Callable[[str | None, str | None], T],
    check: Callable[[T], object],
    url: str,
    user: str | None,
    token: str | None = None,
    *,
    kind: str,
    again: bool,
    keep: str = "keyring",
) -> T:
    """Return a checked client, asking for the login the first time (or `again`) and keeping it.

    Parameters
    ----------
    make : callable
        ``make(user, token)`` returns the client, without a request.
    token : str, optional
        Used as given: `connect` does not ask for one, and does not keep it.
    check : callable
        Raises `AuthError` if the login is refused.
    kind : {"jira", "confluence"}
        Of which site.
    keep : {"keyring", "file"}
        Where a login that was typed is kept.

    Raises
    ------
    AuthError
        If the login is refused, or there is no terminal or notebook to type it in.
    """
    keep = KEEP(keep, "keep")
    # A wrong option or address is told before anybody types a token.
    make(None, None)
    if token is not None:
        client = make(user, token)
        check(client)
        return client
    kept = None if again else recall(url, user)
    name, secret = kept or ask_login(url, user, kind)
    client = make(name, secret)
    try:
        check(client)
    except AuthError as error:
        if kept:
            error.hint = f"the kept token no longer works: {type(client).__name__}.connect(url, again=True)"
        raise
    if not kept and not remember(url, user, name, secret, keep):
        _log.warning(
            "the token of %s is forgotten when this process ends: there is no keyring. "
            "connect(url, keep='file') keeps it in %s, which only you can read; or set the environment "
            "variable %s",
            normalised(url),
            private_file(url, user),
            token_variable(url),
        )
    return client
