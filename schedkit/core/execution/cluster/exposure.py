"""Who may reach the port of a Dask cluster: what reaches it can run any code there."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["exposure"]

# Encrypted and protected, or within one process.
_SAFE = ("tls", "wss", "inproc")


def exposure(address: str | None) -> str:
    """Return what to say of the address of a Dask scheduler that a network may reach without TLS.

    Examples
    --------
    >>> exposure("tcp://127.0.0.1:8786"), exposure("tls://dask.example.org:8786"), exposure(None)
    ('', '', '')
    >>> exposure("tcp://10.0.0.5:8786").partition(": ")[0]
    "Dask's port tcp://10.0.0.5:8786 is neither encrypted nor protected"
    """
    if address is None:
        return ""
    parts = urlsplit(address)
    if parts.scheme in _SAFE or _is_this_machine(parts.hostname or ""):
        return ""
    return (
        f"Dask's port {address} is neither encrypted nor protected: whoever reaches it can run any code on "
        "its workers; use tls://, or a network of your own"
    )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False
