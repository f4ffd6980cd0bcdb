"""`Confluence(url).page(id).table(region).replace(df)`: what an analyst calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack
from urllib.parse import urlsplit

from schedkit.atlassian import Request, Site
from schedkit.atlassian.client import SiteClient
from schedkit.atlassian.site import SiteOptions
from schedkit.confluence.page import AsyncPage, Page
from schedkit.confluence.plans.new_page import NewPage
from schedkit.confluence.plans.plan import Plan
from schedkit.confluence.plans.publish import plan_publish
from schedkit.confluence.plans.template import filled_title, placeholder_names
from schedkit.confluence.site.addresses import page_address, parent_address
from schedkit.confluence.site.parents import find_parent
from schedkit.confluence.site.server import Server
from schedkit.confluence.tables.arguments import a_flag, a_text, sendable
from schedkit.confluence.tables.arguments import labels as column_labels
from schedkit.errors import AuthError, UsageError
from schedkit.loop import blocking, bridged
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

__all__ = ["AsyncConfluence", "Confluence"]


async def _source_of(template: object) -> str:
    page = template.aio if isinstance(template, Page) else template
    if not isinstance(page, AsyncPage):
        raise UsageError(
            f"template={safe_repr(template, 60)} is not a template",
            hint="give storage format, or wiki.page(…)",
        )
    return await page.source()


def _is_cloud(url: str) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    return host.endswith((".atlassian.net", ".jira.com")) or host == "api.atlassian.com"


@check_keywords
class AsyncConfluence:
    """The async side of a `Confluence`."""

    def __init__(self, server: Server, main_page_id: str | int | None = None) -> None:
        self.server = server
        self.main_page_id = main_page_id

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
        parent: str | int | None = None,
        template: str | Page | AsyncPage,
        values: Mapping[str, Any],
        key: str | None = None,
        labels: Sequence[str] = (),
        message: str = "Update the page",
    ) -> Plan:
        """Plan to create a page under `parent` from a template, or to fill the one that is there.

        A page that exists keeps its own prose and place; only its placeholders change. A placeholder that
        the template gained since then is put at the page's end.

        Parameters
        ----------
        title : str
            The page's title, unique in the parent's space; ``{{ placeholders }}`` in it become plain text.
        parent : str or int, optional
            Id or URL of the page, or on Cloud of the folder, above; by default the client's `main_page_id`.
        template : str or Page
            Storage format with ``{{ placeholders }}``, or a page that holds it. In parameters of macros they
            become plain text once, when the page is made.
        values : mapping of str to object
            See `Page.fill`.
        key : str, optional
            What the page is for (a project, a sprint): it is found again by it, whatever its title has
            become. Kept in a content property of the parent.
        labels : sequence of str
            Labels that the page is to have.
        message : str
            The version's comment.

        Raises
        ------
        UsageError
            If placeholders and values do not match, there is no parent, or the page of that title was made
            for another key.
        MalformedPageError
            If the template is not well-formed.

        Examples
        --------
        >>> plan = wiki.publish(
        ...     "Bugs of {{ project }}", parent=100000, key="DEMO",
        ...     template="<h1>{{ project }}</h1><p>{{ bugs }}</p>",
        ...     values={"project": "DEMO", "bugs": Managed(df, key="Key", keep=["Comment"])},
        ... )  # doctest: +SKIP
        >>> plan.apply().url  # doctest: +SKIP
        'https://wiki.example.org/pages/viewpage.action?pageId=200001'
        """
        if not isinstance(title, str) or not title.strip():
            raise UsageError("a page needs a title", hint='publish("Open bugs", …)')
        sendable(title, "title")
        if not isinstance(values, Mapping):
            raise UsageError(
                f"values={safe_repr(values, 60)} is not a mapping", hint='write values={"day": …}'
            )
        if parent is None and self.main_page_id is None:
            raise UsageError(
                f"the page {title.strip()!r} has no parent",
                hint="write publish(…, parent=100001), or Confluence(…, main_page_id=100001) for all pages",
            )
        above = parent_address(self.main_page_id if parent is None else parent, self.server.site.url)
        key = None if key is None else a_text(key, "key")
        message = a_text(message, "message")
        names = tuple(a_text(label, "labels") for label in column_labels(labels, "labels"))
        source = template if isinstance(template, str) else await _source_of(template)
        new = NewPage(
            parent=await find_parent(self.server, above),
            title=" ".join(filled_title(title, values).split()),
            key=key,
            labels=names,
        )
        # What only the title says has no place on the page.
        only_titled = placeholder_names(title) - placeholder_names(source)
        given = {name: value for name, value in values.items() if name not in only_titled}
        return await plan_publish(self.server, new, source, given, message)

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
            # Confluence answers an unknown login as an anonymous user.
            raise AuthError(
                f"{self.server.site.url} does not recognise this login", hint="check user and token"
            )
        return who


@check_keywords
class Confluence(SiteClient):
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
        Which of the two it is; detected by default.
    site : Site, optional
        An existing site instead of `url` and credentials.
    main_page_id : str or int, optional
        Id or URL of the page, or on Cloud of the folder, below which `publish` creates pages.
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
        main_page_id: str | int | None = None,
        **options: Unpack[SiteOptions],
    ) -> None:
        bare = None if url is None else a_text(url, "url").strip().rstrip("/")
        # Cloud's two APIs are both below /wiki, which people copy along or leave out.
        below_wiki = bare is not None and bare.endswith("/wiki")
        super().__init__(bare and bare.removesuffix("/wiki"), user, token, cloud, site=site, **options)
        if cloud is not None:
            a_flag(cloud, "cloud")
        elif _is_cloud(self.site.url):
            cloud = True
        if main_page_id is not None:
            parent_address(main_page_id, self.site.url)
        self.aio = AsyncConfluence(Server(self.site, cloud, below_wiki=below_wiki), main_page_id)

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
