"""Options of a server: its address, and the clients and proxies that it trusts."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from schedkit.core.store.tokens import SCOPES
from schedkit.errors import SettingsError
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["ServerOptions"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options of a server.

    Parameters
    ----------
    host, port
        The address it listens on; port 0 takes a free one.
    host_names : sequence of str
        Further names by which clients call it, e.g. that of a proxy in front of it. A request for another
        host is refused, so that a page of a foreign name that resolves to this machine reads nothing.
    loopback : bool
        Whether clients of this machine may read and act without a token.
    proxies : sequence of str
        Addresses of proxies that log people in; only from these is the user's header accepted.
    user_header : str
        The header in which that proxy names the user.
    proxy_scope : {"read", "act", "admin"}
        The scope of users of a proxy.

    Raises
    ------
    SettingsError
        If an option is not valid.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    host_names: tuple[str, ...] = ()
    loopback: bool = True
    proxies: tuple[str, ...] = ()
    user_header: str = "X-Forwarded-User"
    proxy_scope: str = "read"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"invalid port {self.port}", hint="0 to 65535")
        if self.proxy_scope not in SCOPES:
            raise SettingsError(
                f"invalid scope {safe_repr(self.proxy_scope)}", hint=did_you_mean(self.proxy_scope, SCOPES)
            )
        for address in self.proxies:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise SettingsError(
                    f"invalid address of a proxy: {safe_repr(address)}", hint="an IP address, not a name"
                ) from None

    @property
    def names(self) -> frozenset[str]:
        """All names by which clients may call the server."""
        own = {self.host, socket.gethostname()} - {"", "0.0.0.0", "::"}
        return frozenset(name.lower() for name in {*LOOPBACK_NAMES, *own, *self.host_names})

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scope of users of a proxy, with the scopes that it includes."""
        return SCOPES[: SCOPES.index(self.proxy_scope) + 1]
