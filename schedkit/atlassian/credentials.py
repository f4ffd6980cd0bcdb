"""How we log in: values that never show their secrets."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlsplit

from schedkit.atlassian.by_name import never_pickled
from schedkit.errors import UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.secrets import masked

__all__ = ["Credentials", "OAuth2", "normalised"]


@check_keywords
@dataclass(slots=True)
class OAuth2:
    """An OAuth 2.0 login whose access token is renewed when it runs out.

    Parameters
    ----------
    client_id, client_secret : str
        Of the registered application.
    refresh_token : str
        Exchanged for access tokens; Atlassian Cloud replaces it at every use.
    access_token : str
        The current one, empty to fetch one first.
    token_url : str
        Where tokens are renewed.
    on_refresh : callable, optional
        Called with ``(access_token, refresh_token)`` after each renewal, to store them.
    renewing : callable, optional
        ``with renewing() as refresh_token`` is around each renewal: it keeps other processes from renewing
        meanwhile, and yields the refresh token that the last of them has stored.
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False, default="")
    token_url: str = "https://auth.atlassian.com/oauth/token"
    on_refresh: Callable[[str, str], object] | None = field(repr=False, default=None)
    renewing: Callable[[], AbstractContextManager[str]] | None = field(repr=False, default=None)

    def __reduce__(self) -> NoReturn:
        never_pickled(repr(self))


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and secret, or a bearer token, an OAuth 2.0 login, or none (anonymous)."""

    user: str | None = None
    secret: str | None = field(repr=False, default=None)
    oauth2: OAuth2 | None = None

    def __post_init__(self) -> None:
        for what, text in (("user", self.user), ("token", self.secret)):
            if text is not None and not isinstance(text, str):
                # Not repeated in the message: it may be the secret itself.
                raise UsageError(f"the {what} is not a text", hint=f"give {what}= a string")
            if text and (text != text.strip() or not text.isprintable()):
                raise UsageError(
                    f"the {what} has blanks or line breaks around or in it",
                    hint="copy it again, without them",
                )
        if self.user and not self.secret and not self.oauth2:
            raise UsageError(f"no token for user {self.user!r}", hint="give token=…, or password=…")

    def __reduce__(self) -> NoReturn:
        never_pickled(repr(self))

    @property
    def anonymous(self) -> bool:
        """Whether requests are anonymous."""
        return not self.secret and not self.oauth2

    @property
    def kind(self) -> str:
        """How the login is sent: oauth2, basic, bearer or anonymous."""
        if self.oauth2:
            return "oauth2"
        if self.secret:
            return "basic" if self.user else "bearer"
        return "anonymous"

    def scrub(self, text: str) -> str:
        """Return `text` without any secret of ours in it."""
        o = self.oauth2
        secrets = [self.secret, *((o.access_token, o.refresh_token, o.client_secret) if o else ())]
        if self.user and self.secret:
            secrets.append(b64encode(f"{self.user}:{self.secret}".encode()).decode())
        for secret in secrets:
            # Anything shorter is not a secret, and replacing it would garble the message.
            if secret and len(secret) >= 4:
                text = text.replace(secret, "***")
        return text


def normalised(url: str) -> str:
    """Return a site's base URL without trailing slash, query or fragment.

    The address of an issue, a page or a board, as a browser shows it, is understood too.

    Raises
    ------
    UsageError
        If it is not an http(s) URL, or holds a password.
    """
    refused = UsageError(
        f"{masked(url)!r} is not a site's URL", hint="write it like https://issues.example.org"
    )
    try:
        parts = urlsplit(url.strip() if isinstance(url, str) else "")
    except ValueError:  # brackets that do not pair
        raise refused from None
    if parts.username or parts.password:
        raise UsageError(
            f"the URL of {parts.hostname} holds a user or password", hint="give user=… and token=… instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", parts.netloc):
        raise refused
    try:
        _ = parts.port
    except ValueError:
        raise UsageError(f"{url!r} has an impossible port", hint="ports are 1 to 65535") from None
    return f"{parts.scheme}://{parts.netloc}{_base_path(parts.hostname, parts.path, parts.query)}"


# What begins the part of an address that a browser shows within a site: by how many further parts have to
# follow, since some of these words may be what a Data Center is installed under.
_WITHIN = {
    "browse": 1, "secure": 1, "projects": 1, "issues": 1, "display": 1, "spaces": 1, "pages": 1, "x": 1,
    "rest": 1, "plugins": 1, "servicedesk": 1, "boards": 1, "label": 1, "users": 1,
}  # fmt: skip
_PRODUCTS = ("software", "core", "your-work", "dashboards", "people", "for-you")
_PAGES = (".jspa", ".jsp", ".action")


def _base_path(host: str, path: str, query: str) -> str:
    """Return the path that a site is installed under, of the path of any of its pages."""
    if host.endswith((".atlassian.net", ".jira.com")):
        return ""
    parts = [part for part in path.split("/") if part]
    for place, part in enumerate(parts):
        rest = len(parts) - place - 1
        product = part == "jira" and rest and parts[place + 1] in _PRODUCTS
        within = part in _WITHIN and (rest >= _WITHIN[part] or (part == "issues" and query))
        if product or within or (not rest and part.endswith(_PAGES)):
            return "".join(f"/{each}" for each in parts[:place])
    return "".join(f"/{each}" for each in parts)
