"""`Confluence(url).page(id).table(region).replace(df)`: what an analyst calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from schedkit.atlassian import Request, Site
from schedkit.atlassian.login import connected
from schedkit.confluence.page import AsyncPage, Page
from schedkit.confluence.plans.publish import PagePlan, plan_page
from schedkit.confluence.site.server import Server, page_id_of
from schedkit.errors import AuthError, UsageError
from schedkit.loop import blocking, bridged

__all__ = ["AsyncConfluence", "Confluence"]


class AsyncConfluence:
    """The async face of a `Confluence`."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def page(self, page: str | int) -> AsyncPage:
        """Name a page by its id or URL; nothing is read yet."""
        return AsyncPage(self.server, page_id_of(page))

    @bridged
    async def publish(
        self,
        title: str,
        *,
        parent: str | int,
        template: str,
        values: Mapping[str, Any],
        message: str = "Update the page",
    ) -> PagePlan:
        """Plan to create a page under `parent` from a template, or to fill the one that is there.

        A page that exists keeps its own prose and place; only its placeholders change.

        Parameters
        ----------
        title : str
            The page's title, unique in the parent's space.
        parent : str or int
            Id or URL of the page above.
        template : str
            Storage format with ``{{ placeholders }}``.
        values : mapping of str to object
            See `Page.fill`.
        message : str
            The version's comment.

        Raises
        ------
        UsageError
            If placeholders and values do not match.
        MalformedPageError
            If the template is not well-formed.

        Examples
        --------
        >>> plan = wiki.publish(
        ...     "Bugs of the week", parent=100000, template="<p>{{ count }} bugs</p><p>{{ bugs }}</p>",
        ...     values={"count": 3, "bugs": Managed(df, key="Key", keep=["Comment"])},
        ... )  # doctest: +SKIP
        >>> plan.apply().url  # doctest: +SKIP
        'https://wiki.example.org/pages/viewpage.action?pageId=200001'
        """
        if not title.strip():
            raise UsageError("a page needs a title", hint='publish("Open bugs", …)')
        return await plan_page(
            self.server, values, message, title=title.strip(), parent=page_id_of(parent), template=template
        )

    @bridged
    async def myself(self) -> dict[str, Any]:
        """Return the account that is logged in, as the site describes it.

        Raises
        ------
        AuthError
            If the login is refused.
        """
        dialect = await self.server.dialect()
        answer = await self.server.send(Request("GET", dialect.myself))
        who: dict[str, Any] = answer.json()
        if who.get("type") == "anonymous":
            # Confluence answers a login it does not know as it answers nobody.
            raise AuthError(f"{self.server.site.url} does not know this login", hint="check user and token")
        return who


class Confluence:
    """A Confluence, Cloud or Data Center.

    Parameters
    ----------
    url : str
        E.g. ``https://example.atlassian.net/wiki`` or ``https://wiki.example.org``.
    user : str, optional
        E-mail address on Cloud; omit with a personal access token.
    token : str, optional
        API token (Cloud) or personal access token (Data Center).
    cloud : bool, optional
        Which of the two it is; found out by itself.
    site : Site, optional
        An existing site instead of `url` and credentials.
    options
        Passed on to `Site`: ``verify``, ``proxies``, ``timeout``, …

    Examples
    --------
    >>> wiki = Confluence("https://wiki.example.org", token="s3cret")
    >>> wiki.page(100001).table("heading:Open bugs")
    Table('heading:Open bugs' of page 100001)
    """

    def __init__(
        self,
        url: str | None = None,
        user: str | None = None,
        token: str | None = None,
        cloud: bool | None = None,
        *,
        site: Site | None = None,
        **options: Any,
    ) -> None:
        if site is None:
            if url is None:
                raise UsageError(
                    "Confluence needs an address", hint='Confluence("https://wiki.example.org", …)'
                )
            bare = url.strip().rstrip("/")
            # Cloud's two APIs are both below /wiki, which people copy along or leave out.
            if cloud is not False and bare.endswith("/wiki"):
                bare, cloud = bare.removesuffix("/wiki"), True
            site = Site(bare, user=user, token=token, **options)
        if cloud is None and site.url.endswith(".atlassian.net"):
            cloud = True
        self.aio = AsyncConfluence(Server(site, cloud))

    @classmethod
    def connect(cls, url: str, user: str | None = None, *, again: bool = False, **options: Any) -> Self:
        """Return a client, asking for the login the first time; see `schedkit.jira.Jira.connect`.

        Raises
        ------
        AuthError
            If the login is refused, or there is nobody to ask.

        Examples
        --------
        >>> wiki = Confluence.connect("https://wiki.example.org")  # doctest: +SKIP
        """
        return connected(
            lambda name, token: cls(url, user=name, token=token, **options),
            lambda wiki: wiki.myself(),
            url,
            user,
            again=again,
        )

    myself = blocking(AsyncConfluence.myself)

    def page(self, page: str | int) -> Page:
        """Name a page by its id or URL; nothing is read yet.

        Raises
        ------
        UsageError
            If it is neither.
        """
        return Page(self.aio.page(page))

    publish = blocking(AsyncConfluence.publish)

    def __repr__(self) -> str:
        return f"Confluence({self.aio.server.site.url!r})"
