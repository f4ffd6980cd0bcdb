"""What the clients of Jira and Confluence have in common: how they are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self, Unpack

from schedkit.atlassian.by_name import by_name
from schedkit.atlassian.login import connected
from schedkit.atlassian.site import Site, SiteOptions
from schedkit.errors import UsageError
from schedkit.values.text import safe_repr

__all__ = ["SiteClient"]


class SiteClient(ABC):
    """A client of one site.

    Parameters
    ----------
    url, user, token, cloud, site, **options
        As for `schedkit.jira.Jira`.

    Raises
    ------
    UsageError
        If there is neither a URL nor a site, or a site and anything that only a new site can take.
    """

    def __init__(
        self,
        url: str | None = None,
        user: str | None = None,
        token: str | None = None,
        cloud: bool | None = None,
        *,
        site: Site | None = None,
        **options: Unpack[SiteOptions],
    ) -> None:
        name = type(self).__name__
        if site is None:
            if url is None:
                raise UsageError(
                    f"{name} needs a url or a site", hint=f'e.g. {name}("https://issues.example.org")'
                )
            site = Site(url, user=user, token=token, **options)
        elif not isinstance(site, Site):
            raise UsageError(f"site={safe_repr(site, 60)} is not a Site", hint="give site=Site(url, …)")
        else:
            login = {"url": url, "user": user, "token": token}
            given = [*(option for option, value in login.items() if value is not None), *options]
            if given:
                raise UsageError(
                    f"{name} takes no {given[0]} together with site", hint="give it to Site(…) instead"
                )
        self._site = site

    @property
    def site(self) -> Site:
        """The site it talks to."""
        return self._site

    def __repr__(self) -> str:
        return repr(self._site).replace("Site(", f"{type(self).__name__}(", 1)

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name(self._site, self)

    @abstractmethod
    def myself(self) -> dict[str, Any]:
        """Return who is logged in."""

    @classmethod
    def connect(
        cls,
        url: str,
        user: str | None = None,
        token: str | None = None,
        *,
        again: bool = False,
        keep: str = "keyring",
        cloud: bool | None = None,
        **options: Unpack[SiteOptions],
    ) -> Self:
        """Return a client for a site, asking for the login the first time.

        The token is typed hidden, checked, and kept in the system's keyring where there is one. Tokens are
        made on Cloud at https://id.atlassian.com/manage-profile/security/api-tokens, on Data Center in your
        profile under Personal Access Tokens. The environment variable ``SCHEDKIT_TOKEN_<HOST>`` may hold one
        instead, for example ``SCHEDKIT_TOKEN_ISSUES_EXAMPLE_ORG``. A background process that continues
        the work of a kernel is given what was typed there.

        Parameters
        ----------
        url : str
            Base URL.
        user : str, optional
            E-mail address (Cloud) or user name; on Data Center a personal access token needs none.
        token : str, optional
            Used instead of asking, and not kept. In a notebook it is readable by all who get the file.
        again : bool
            Ask even if a login is stored, e.g. because the token has changed.
        keep : {"keyring", "file"}
            Where the login is kept: ``"file"`` is for machines without a keyring, such as containers; the
            file lies in ``.schedkit/secrets`` of your home folder, and only you can read it.
        cloud : bool, optional
            Whether it is a Cloud site; by default the site is asked.
        **options
            As `schedkit.atlassian.Site` takes them: verify, proxies, timeout, …

        Raises
        ------
        AuthError
            If the login is refused, or there is no terminal or notebook to type it in.

        Examples
        --------
        >>> jira = Jira.connect("https://issues.example.org")  # doctest: +SKIP
        """
        return connected(
            lambda name, token: cls(url, user=name, token=token, cloud=cloud, **options),
            lambda client: client.myself(),
            url,
            user,
            token,
            kind="jira",
            again=again,
            keep=keep,
        )
