"""Access control: one decision for every request, made before its body is read.

Every route needs access, except those listed as open. A request gets access by a bearer token, a session's
cookie, the user that a trusted proxy names, or because it comes from this machine.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

__all__ = ["Access", "Guard", "Refusal", "cookie_name"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_SCOPES = ("read", "act")
LOOPBACK_ACTOR = "local"
# Given twice, a proxy and this server could read different ones.
SINGLE = (b"host", b"authorization", b"origin", b"sec-fetch-site", b"idempotency-key")
# Headers of proxies: the client behind one may be on any machine.
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")


class Access(msgspec.Struct, frozen=True):
    """The caller of a request, and its scopes.

    Attributes
    ----------
    actor : str
        The name recorded with every change; empty: an open route, no caller is known.
    token : str
        The id of the token that was used; empty: none.
    """

    actor: str = ""
    scopes: tuple[str, ...] = ()
    token: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is refused: an HTTP status, what happened, and what to do.

    Attributes
    ----------
    unknown_token : bool
        Its token is not known here; it may have been made a moment ago.
    """

    status: int
    message: str
    hint: str = ""
    unknown_token: bool = False


Verdict = Access | Refusal


@dataclass(frozen=True, kw_only=True)
class Guard:
    """The rules of one server.

    Parameters
    ----------
    by_token : callable
        Returns the access of a token's text, None if it is not a valid token.
    by_session : callable
        Returns the access of a session's cookie, None if there is no such session.
    hosts : collection of str
        The names by which clients may call this server, lower case, without ports.
    open_routes : collection of (method, path)
        Routes that need no access.
    admin_paths : collection of str
        Paths that need the scope admin.
    loopback : bool
        Whether clients on this machine need no token.
    proxies : collection of str
        Addresses of proxies whose `user_header` names the user.
    user_header : str
        Lower case.
    proxy_scopes : sequence of str
        The scopes of users of a proxy.
    """

    by_token: Callable[[str], Access | None]
    by_session: Callable[[str], Access | None]
    hosts: Iterable[str]
    open_routes: frozenset[tuple[str, str]] = frozenset()
    admin_paths: frozenset[str] = frozenset()
    loopback: bool = True
    proxies: frozenset[str] = frozenset()
    user_header: str = "x-forwarded-user"
    proxy_scopes: tuple[str, ...] = ("read",)
    _names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(name.lower() for name in self.hosts))

    def judge(self, scope: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> Verdict:
        """Return the caller, or why the request is refused.

        Parameters
        ----------
        scope : mapping
            An ASGI scope: ``method``, ``path`` (without the prefix of a mount) and ``client``.
        headers : iterable of (name, value)
            Names in lower case.
        """
        found: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            found.setdefault(name, []).append(value)
        singles = (*SINGLE, self.user_header.encode())
        if doubled := [name for name in singles if len(found.get(name, ())) > 1]:
            return Refusal(400, f"the header {doubled[0].decode()} is given more than once")
        first = {name: values[0].decode("latin-1") for name, values in found.items()}
        method, path = scope["method"], scope["path"]
        unsafe = method not in SAFE_METHODS
        text, bearer = first.get(b"host", ""), _bearer(first)
        cookies = "; ".join(value.decode("latin-1") for value in found.get(b"cookie", ()))
        if _host_name(text) not in self._names:
            return Refusal(
                421, "this server does not answer to that host name", "start it with --host-name NAME"
            )
        if unsafe and bearer is None and (why := _foreign(first, text, bool(cookies))):
            return Refusal(403, why, "send a bearer token, or the request from a page of this server")
        if (method, path) in self.open_routes:
            return Access()
        who = self._who(scope, first, bearer, cookies)
        if isinstance(who, Refusal):
            return who
        return self._allowed(who, path, unsafe)

    def _who(
        self, scope: Mapping[str, Any], headers: Mapping[bytes, str], bearer: str | None, cookies: str
    ) -> Verdict:
        """Return the caller by the first credential found; a wrong token is refused."""
        if bearer is not None:
            return self.by_token(bearer) or _WRONG_TOKEN
        if session := _cookie(cookies, cookie_name(scope)):
            access = self.by_session(session)
            if access is not None:
                return access
        address = _address(scope)
        if address is not None and str(address) in self.proxies:
            user = headers.get(self.user_header.encode(), "").strip()
            return Access(user, self.proxy_scopes) if user else _TOKEN_NEEDED
        here = address is not None and address.is_loopback
        if self.loopback and here and not any(name in headers for name in FORWARDED):
            return Access(LOOPBACK_ACTOR, LOOPBACK_SCOPES)
        return _TOKEN_NEEDED

    def _allowed(self, who: Access, path: str, unsafe: bool) -> Verdict:
        needed = "admin" if path in self.admin_paths else "act" if unsafe else "read"
        if needed in who.scopes:
            return who
        return Refusal(
            403, f"{who.actor} lacks the scope {needed}", f"schedkit token new NAME --scope {needed}"
        )


def cookie_name(scope: Mapping[str, Any]) -> str:
    """Return the name of the session's cookie, with the port: browsers share cookies between ports."""
    server = scope.get("server")
    return f"schedkit-{server[1] if server and server[1] else 0}"


_WRONG_TOKEN = Refusal(401, "the token is not valid", "schedkit token new NAME", unknown_token=True)
_TOKEN_NEEDED = Refusal(401, "a token is needed", "schedkit token new NAME; Authorization: Bearer TOKEN")


def _bearer(headers: Mapping[bytes, str]) -> str | None:
    """Return the text after ``Bearer``; None without that header, empty for another kind of login."""
    text = headers.get(b"authorization")
    if text is None:
        return None
    kind, _, token = text.partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _host_name(host: str) -> str:
    """Return the name in a Host header, without its port; empty if there is none."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _foreign(headers: Mapping[bytes, str], host: str, cookies: bool) -> str:
    """Return why a page of another origin may have sent a request that changes something; empty: it has not.

    SameSite cookies are shared between the ports of one host, e.g. with a JupyterLab on another port, so
    Sec-Fetch-Site and Origin decide. A request with neither of them and without a cookie is from no browser.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return "" if site in ("same-origin", "none") else f"a page of another origin asked ({site[:20]})"
    if origin is not None:
        same = origin.partition("://")[2].lower() == host.lower()
        return "" if same else "a page of another origin asked"
    return "the request has a cookie, and neither Sec-Fetch-Site nor Origin" if cookies else ""


def _cookie(text: str, name: str) -> str:
    try:
        found = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _address(scope: Mapping[str, Any]) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    client = scope.get("client")
    return _parsed(client[0]) if client else None


@functools.lru_cache(1000)
def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # e.g. the path of a Unix socket
        return None
    return getattr(address, "ipv4_mapped", None) or address
