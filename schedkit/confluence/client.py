"""`Confluence(url).page(id).table(region).replace(df)`: what an analyst calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from schedkit.atlassian import Request, Site
from schedkit.atlassian.login import connected
from schedkit.confluence.page import AsyncPage, Page
from schedkit.confluence.plans.publish import PagePlan, plan_page
from schedkit.confluence.site.addresses import page_address, parent_id
from schedkit.confluence.site.server import Server
from schedkit.confluence.tables.arguments import a_text
from schedkit.errors import AuthError, UsageError
from schedkit.loop import blocking, bridged
from schedkit.values.keywords import check_keywords

__all__ = ["AsyncConfluence", "Confluence"]


def _is_cloud(url: str) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    return host.endswith((".atlassian.net", ".jira.com")) or host == "api.atlassian.com"


@check_keywords
class AsyncConfluence:
    """The async face of a `Confluence`."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def page(
        self, page: str | int | None = None, *, title: str | None = None, space: str | None = None
    ) -> AsyncPage:
        """Name a page by its id or URL, or by title and space; nothing is read yet."""
        return AsyncPage(self.server, page_address(page, self.server.site.url, title=title, space=space))

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
            Id or URL of the page, or URL of the folder, above.
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
        if not isinstance(title, str) or not title.strip():
            raise UsageError("a page needs a title", hint='publish("Open bugs", …)')
        above = parent_id(parent, self.server.site.url)
        return await plan_page(
            self.server,
            values,
            message,
            title=title.strip(),
            parent=above,
            template=a_text(template, "template"),
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


@check_keywords
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
        below_wiki = False
        if site is None:
            if url is None:
                raise UsageError(
                    "Confluence needs an address", hint='Confluence("https://wiki.example.org", …)'
                )
            bare = a_text(url, "url").strip().rstrip("/")
            # Cloud's two APIs are both below /wiki, which people copy along or leave out.
            below_wiki = bare.endswith("/wiki")
            site = Site(bare.removesuffix("/wiki"), user=user, token=token, **options)
        if cloud is None and _is_cloud(site.url):
            cloud = True
        self.aio = AsyncConfluence(Server(site, cloud, below_wiki=below_wiki))

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

    def page(
        self, page: str | int | None = None, *, title: str | None = None, space: str | None = None
    ) -> Page:
        """Name a page by its id or any of its URLs, or by title and space; nothing is read yet.

        Parameters
        ----------
        page : str or int, optional
            ``100001``, a URL of the page (also a short, display or edit link), …
        title, space : str, optional
            … or its title and the key of its space.

        Raises
        ------
        UsageError
            If it is none of them, or a page of another site.

        Examples
        --------
        >>> wiki = Confluence("https://wiki.example.org", token="s3cret")
        >>> wiki.page("https://wiki.example.org/pages/viewpage.action?pageId=100001")
        Page('100001')
        """
        return Page(self.aio.page(page, title=title, space=space))

    publish = blocking(AsyncConfluence.publish)

    def __repr__(self) -> str:
        return f"Confluence({self.aio.server.site.url!r})"
