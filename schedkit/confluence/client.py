"""`Confluence(url).page(id).table(region).replace(df)`: what an analyst calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack
from urllib.parse import urlsplit

from schedkit.atlassian import Request, Site
from schedkit.atlassian.by_name import by_name
from schedkit.atlassian.client import SiteClient
from schedkit.atlassian.credentials import normalised
from schedkit.atlassian.login import connected
from schedkit.atlassian.site import SiteOptions
from schedkit.confluence.page import AsyncPage, Page
from schedkit.confluence.plans.new_page import NewPage
from schedkit.confluence.plans.page_set import MISSING_PAGES, Each, MissingPages, PagesPlan, plan_each
from schedkit.confluence.plans.plan import Plan
from schedkit.confluence.plans.publish import plan_page
from schedkit.confluence.plans.template import page_title
from schedkit.confluence.site.addresses import PageAddress, page_address, parent_address
from schedkit.confluence.site.parents import find_parent
from schedkit.confluence.site.server import Server
from schedkit.confluence.tables.arguments import a_flag, a_number, a_share, a_text, sendable
from schedkit.confluence.tables.arguments import labels as column_labels
from schedkit.errors import AuthError, UsageError
from schedkit.loop import blocking, on_own_loop
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AsyncConfluence", "Confluence"]


async def _source_of(template: object) -> str:
    page = template.aio if isinstance(template, Page) else template
    if not isinstance(page, AsyncPage):
        raise UsageError(
            f"template={safe_repr(template, 60)} is not a template",
            hint="give storage format, or wiki.page(…)",
        )
    return await page.source()


def _check_title(title: object) -> None:
    if not isinstance(title, str) or not title.strip():
        raise UsageError("a page needs a title", hint='publish("Open bugs", …)')
    sendable(title, "title")


def _is_cloud(url: str) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    return host.endswith((".atlassian.net", ".jira.com")) or host == "api.atlassian.com"


@check_keywords
class AsyncConfluence:
    """The async side of a `Confluence`."""

    def __init__(self, server: Server, main_page_id: str | int | None = None) -> None:
        self.server = server
        self.main_page_id = main_page_id

    def __repr__(self) -> str:
        return f"AsyncConfluence({self.server.site.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name(self.server.site, self, "aio")

    def page(
        self, page: str | int | None = None, *, title: str | None = None, space: str | None = None
    ) -> AsyncPage:
        """Name a page by its id or URL, or by title and space; nothing is read yet."""
        return AsyncPage(self.server, page_address(page, self.server.site.url, title=title, space=space))

    @on_own_loop
    async def publish(
        self,
        title: str,
        *,
        parent: str | int | None = None,
        template: str | Page | AsyncPage,
        values: Mapping[str, Any],
        key: str | None = None,
        labels: str | Sequence[str] = (),
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
        labels : str or sequence of str
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
        if not isinstance(values, Mapping):
            raise UsageError(
                f"values={safe_repr(values, 60)} is not a mapping", hint='write values={"day": …}'
            )
        _check_title(title)
        key = None if key is None else a_text(key, "key")
        message = a_text(message, "message")
        names = tuple(a_text(label, "labels") for label in column_labels(labels, "labels"))
        above = self._parent(parent, f"the page {title.strip()!r}")
        source = template if isinstance(template, str) else await _source_of(template)
        shown = page_title(title, values)
        new = NewPage(await find_parent(self.server, above), shown, key, names)
        return await plan_page(self.server, new, title, source, values, message)

    @on_own_loop
    async def publish_each(
        self,
        df: pd.DataFrame,
        *,
        by: str,
        title: str,
        template: str | Page | AsyncPage,
        values: Callable[[str, pd.DataFrame], Mapping[str, Any]],
        parent: str | int | None = None,
        missing_pages: MissingPages | None = None,
        min_rows: int = 1,
        max_drop: str | float | None = 0.5,
        labels: str | Sequence[str] = (),
        message: str = "Update the page",
    ) -> PagesPlan:
        """Plan a page for each value of a column: a project, a sprint, a priority.

        A page is found again by its value and the `title` written here, whatever people call the page. A row
        with several values, as of sprints, is in the part of each.

        Parameters
        ----------
        df : DataFrame
            The rows of all pages.
        by : str
            The column whose values have pages.
        title, template, parent, labels, message
            As for `publish`; ``{{ value }}`` is the value.
        values : callable
            ``values(value, part)`` returns the values of a page's placeholders, by the rows of its value.
        missing_pages : {"keep", "mark", "empty"}, optional
            Pages of values that have no rows any more: all stay as they are; a line at their start says so,
            with the day, until there are rows again; or ``values(value, part)`` fills them with a part of no
            rows, so that the rows of their tables leave as `missing` of `Managed` says. By default they stay,
            and a warning says which. A frame whose extraction is incomplete changes none of them.
        min_rows : int
            A frame of fewer rows is refused.
        max_drop : str, float or None
            The share of the pages that may be marked or emptied at once, judged from 10 pages up; None: any.

        Returns
        -------
        PagesPlan
            Look at it, then ``plan.apply()``.

        Raises
        ------
        UnknownFieldError
            If the frame has no such column.
        UsageError
            If placeholders and values do not match, there is no parent, or two pages would have one title.
        CheckError
            If there are too few rows, or too many pages would have none.

        Examples
        --------
        >>> plan = wiki.publish_each(
        ...     df, by="Project", title="Bugs of {{ value }}", parent=100000, missing_pages="mark",
        ...     template="<p>{{ count }} open</p><p>{{ bugs }}</p>",
        ...     values=lambda project, part: {"count": len(part), "bugs": Managed(part, key="Key")},
        ... )  # doctest: +SKIP
        """
        import pandas as pd

        if not isinstance(df, pd.DataFrame):
            raise UsageError(f"expected a DataFrame, got {type(df).__name__}", hint="give a DataFrame")
        if not callable(values):
            raise UsageError(
                f"values={safe_repr(values, 60)} is not a function",
                hint='write values=lambda value, part: {"count": len(part)}',
            )
        if missing_pages is not None and (
            not isinstance(missing_pages, str) or missing_pages not in MISSING_PAGES
        ):
            raise UsageError(
                f"unknown missing_pages={safe_repr(missing_pages, 60)}",
                hint=did_you_mean(missing_pages, MISSING_PAGES),
            )
        _check_title(title)
        by, message = a_text(by, "by"), a_text(message, "message")
        names = tuple(a_text(label, "labels") for label in column_labels(labels, "labels"))
        fewest = a_number(min_rows, "min_rows")
        share = a_share(max_drop, "max_drop")
        above = self._parent(parent, f"the pages {title.strip()!r}")
        source = template if isinstance(template, str) else await _source_of(template)
        found = await find_parent(self.server, above)
        each = Each(found, by, title, source, values, names, missing_pages, fewest, share, message)
        return await plan_each(self.server, df, each)

    def _parent(self, parent: str | int | None, what: str) -> PageAddress:
        if parent is None and self.main_page_id is None:
            raise UsageError(
                f"{what} has no parent" if what.startswith("the page ") else f"{what} have no parent",
                hint="write publish(…, parent=100001), or Confluence(…, main_page_id=100001) for all pages",
            )
        return parent_address(self.main_page_id if parent is None else parent, self.server.site.url)

    @on_own_loop
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
        written = None if url is None else a_text(url, "url").strip().rstrip("/")
        bare = written and normalised(written)
        # Cloud's two APIs are both below /wiki, which people copy along or leave out.
        below_wiki = any(each.rstrip("/").endswith("/wiki") for each in (bare or "", written or ""))
        super().__init__(bare and bare.removesuffix("/wiki"), user, token, cloud, site=site, **options)
        if cloud is not None:
            a_flag(cloud, "cloud")
        elif _is_cloud(self.site.url):
            cloud = True
        if main_page_id is not None:
            parent_address(main_page_id, self.site.url)
        self.aio = AsyncConfluence(Server(self.site, cloud, below_wiki=below_wiki), main_page_id)

    myself = blocking(AsyncConfluence.myself)

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
        main_page_id: str | int | None = None,
        **options: Unpack[SiteOptions],
    ) -> Self:
        """Return a client for a Confluence, asking for the login the first time.

        Parameters
        ----------
        url, user, token, again, keep, cloud, **options
            As for `schedkit.jira.Jira.connect`.
        main_page_id : str or int, optional
            Id or URL of the page, or on Cloud of the folder, below which `publish` creates pages.

        Raises
        ------
        AuthError
            If the login is refused, or there is no terminal or notebook to type it in.
        UsageError
            If `main_page_id` names no page or folder of this site.

        Examples
        --------
        >>> wiki = Confluence.connect("https://wiki.example.org", main_page_id=100001)  # doctest: +SKIP
        """
        if main_page_id is not None:
            # Before anybody types a token.
            parent_address(main_page_id, url)
        return connected(
            lambda name, token: cls(
                url, user=name, token=token, cloud=cloud, main_page_id=main_page_id, **options
            ),
            lambda client: client.myself(),
            url,
            user,
            token,
            kind="confluence",
            again=again,
            keep=keep,
        )

    def page(
        self, page: str | int | None = None, *, title: str | None = None, space: str | None = None
    ) -> Page:
        """Return a page by its id or any of its URLs, or by title and space; nothing is read yet.

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
    publish_each = blocking(AsyncConfluence.publish_each)
