"""How a client reaches another process: by the name under which that process opens its own, never pickled."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn, Protocol

from schedkit.errors import UsageError

__all__ = ["Opener", "by_name", "never_pickled"]

# Returns the client of a site; what it is made of is pickled, the client is not.
Opener = Callable[[], Any]


class _Opened(Protocol):
    @property
    def opener(self) -> Opener | None: ...


def by_name(site: _Opened, what: object, attribute: str = "") -> tuple[Any, ...]:
    """Return how `what` is made in another process, for its `__reduce__`.

    Parameters
    ----------
    site : Site
        The site that `what` talks to.
    what : object
        The client, or a part of it.
    attribute : str
        Where the client has `what`; empty: it is the client.

    Raises
    ------
    UsageError
        If the site was not opened by a name of the settings.
    """
    if site.opener is None:
        never_pickled(repr(what))
    return _opened, (site.opener, attribute)


def never_pickled(what: str) -> NoReturn:
    """Refuse to pickle what holds a login: it would travel in clear."""
    raise UsageError(
        f"{what} holds a login, which is never pickled",
        hint="name the site in schedkit.yaml and use schedkit.site('NAME'), or make the client inside the "
        "function",
    )


def _opened(opener: Opener, attribute: str) -> Any:
    client = opener()
    return attrgetter(attribute)(client) if attribute else client
