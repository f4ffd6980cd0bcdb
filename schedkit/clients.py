"""Clients of the sites that the settings name: their secrets are read when a client is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from schedkit.errors import SettingsError
from schedkit.settings import OAuth2Settings, SiteSettings
from schedkit.values.files import file_lock
from schedkit.values.secrets import expanded, keep_secret, secret

__all__ = ["client_of"]


def client_of(name: str, settings: SiteSettings, root: Path) -> Any:
    """Return a client of a site.

    Parameters
    ----------
    name : str
        The site's name under ``sites:``.
    settings : SiteSettings
        What stands there.
    root : Path
        The project's root, from which paths start.

    Returns
    -------
    Jira or Confluence
        As the site's ``kind`` says.

    Raises
    ------
    SettingsError
        If a secret cannot be read, or a login cannot be meant.
    """
    what = f"sites.{name}"

    def read(value: Any, key: str) -> Any:
        return _read(value, f"{what}.{key}", root)

    def each(values: Mapping[str, str] | None, key: str) -> dict[str, str] | None:
        if values is None:
            return None
        return {word: read(value, f"{key}.{word}") for word, value in values.items()}

    url = expanded(settings.url, f"{what}.url")
    values: dict[str, Any] = {
        "user": expanded(settings.user, f"{what}.user"),
        "token": read(settings.token, "token"),
        "password": read(settings.password, "password"),
        "oauth2": None if settings.oauth2 is None else _oauth2(settings, settings.oauth2, what, root),
        "proxies": each(settings.proxies, "proxies"),
        "headers": each(settings.headers, "headers"),
        "verify": str(root / settings.verify) if isinstance(settings.verify, str) else settings.verify,
        "cert": _whole_paths(settings.cert, root),
        "name": name,
    }
    same = ("cloud", "timeout", "concurrency", "rate", "retries", "backoff", "patience", "redirects")
    values |= {key: getattr(settings, key) for key in same}
    if settings.kind == "jira":
        from schedkit.jira import Jira

        return Jira(url, **values)
    from schedkit.confluence import Confluence

    return Confluence(url, **values, main_page_id=settings.main_page_id)


def _read(value: Any, what: str, root: Path) -> Any:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return secret(text, what, root)


def _oauth2(site: SiteSettings, given: OAuth2Settings, what: str, root: Path) -> Any:
    """Return a login whose refresh token is read where it is kept, and kept there when it is replaced."""
    from schedkit.atlassian import OAuth2

    if site.token is not None or site.password is not None:
        raise SettingsError(f"{what}: oauth2 and a token or password are two logins", hint="keep one")
    reference = given.refresh_token.get_secret_value()
    if not reference.startswith(("file:", "keyring:")):
        raise SettingsError(
            f"{what}.oauth2.refresh_token: each renewal replaces it, and this place cannot be written to",
            hint="write file:PATH or keyring:NAME",
        )
    kind, _, place = reference.partition(":")
    beside = root / place if kind == "file" else root / ".schedkit" / what

    def kept() -> str:
        return str(_read(reference, f"{what}.oauth2.refresh_token", root))

    @contextmanager
    def renewing() -> Iterator[str]:
        with file_lock(beside):
            yield kept()

    return OAuth2(
        client_id=expanded(given.client_id, f"{what}.oauth2.client_id"),
        client_secret=_read(given.client_secret, f"{what}.oauth2.client_secret", root),
        refresh_token=kept(),
        token_url=expanded(given.token_url, f"{what}.oauth2.token_url"),
        on_refresh=lambda _, refresh: keep_secret(reference, refresh, root),
        renewing=renewing,
    )


def _whole_paths(cert: str | tuple[str, str] | None, root: Path) -> str | tuple[str, str] | None:
    if cert is None:
        return None
    return str(root / cert) if isinstance(cert, str) else (str(root / cert[0]), str(root / cert[1]))
