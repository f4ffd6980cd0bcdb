"""What people call a page: its id, any of its URLs, or its title and space; and what they call a folder."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote_plus, urlsplit

from schedkit.errors import UsageError
from schedkit.values.scalars import whole_number_of
from schedkit.values.secrets import masked_url
from schedkit.values.text import safe_repr

__all__ = ["PageAddress", "page_address", "parent_address"]

_ID_IN_URL = re.compile(r"/pages/(?:edit-v2/)?([0-9]+)(?:[/?#]|$)|[?&](?:pageId|draftId|homepageId)=([0-9]+)")
_BLOG_POST = re.compile(r"/spaces/[^/?#]+/blog/[0-9]|/display/[^/?#]+/[0-9]{4}/[0-9]{2}/[0-9]{2}/[^/?#]")
_FOLDER = re.compile(r"(?:/spaces/([^/?#]+))?/folder/([0-9]+)(?:[/?#]|$)")
_SHORT = re.compile(r"/x/([A-Za-z0-9_-]{2,11})(?:[/?#]|$)")
_DISPLAY = re.compile(r"/display/([^/?#]+)/([^/?#]+)")
_HINT = 'give the number in the page\'s URL, e.g. page("100001"), or page(title="Open bugs", space="DEMO")'
# Where scoped tokens of any Cloud site are taken to.
_GATEWAY = "api.atlassian.com"


@dataclass(frozen=True)
class PageAddress:
    """A page by its id, or by title and space; `folder` tells that it is a folder's id, `space` its space.

    `beside` is another page of the space, where the space has no other name.
    """

    id: str | None = None
    title: str = ""
    space: str = ""
    folder: bool = False
    beside: PageAddress | None = None

    def __str__(self) -> str:
        if self.beside is not None:
            return f"{self.title!r} in the space of page {self.beside}"
        return self.id or f"{self.title!r} in space {self.space}"


def page_address(
    page: object = None, site_url: str = "", *, title: str | None = None, space: str | None = None
) -> PageAddress:
    """Return the page that arguments name.

    Raises
    ------
    UsageError
        If they name none, one of another site, a blog post or a folder.
    """
    if title is not None or space is not None:
        if page is not None or not (isinstance(title, str) and title.strip() and isinstance(space, str)):
            raise UsageError("a page is named by its id, or by title and space", hint=_HINT)
        return PageAddress(title=" ".join(title.split()), space=space.strip())
    id = whole_number_of(page)
    if id is None and not isinstance(page, str):
        raise UsageError(f"invalid page id {safe_repr(page, 80)}", hint=_HINT)
    found = page.strip() if isinstance(page, str) else str(id)
    if found.isdecimal():
        return PageAddress(found)
    _check_host(found, site_url)
    _check_page(found)
    address = _in_url(found) if "/" in found else None
    if address is None:
        raise UsageError(f"invalid page id {safe_repr(masked_url(found), 80)}", hint=_HINT)
    return address


def _check_page(url: str) -> None:
    if _BLOG_POST.search(url):
        raise UsageError(
            f"{safe_repr(masked_url(url), 80)} is a blog post; only pages are read and written",
            hint="name a page; the team can move what is to be updated to one",
        )
    if _FOLDER.search(url):
        raise UsageError(
            f"{safe_repr(masked_url(url), 80)} is a folder, not a page",
            hint="folders can only be the parent= of a page",
        )


def parent_address(parent: object, site_url: str) -> PageAddress:
    """Return the page or folder that is to be a parent.

    Raises
    ------
    UsageError
        If it names neither, or one of another site.
    """
    folder = _FOLDER.search(parent) if isinstance(parent, str) else None
    if folder is None:
        return page_address(parent, site_url)
    _check_host(str(parent), site_url)
    return PageAddress(folder[2], space=unquote_plus(folder[1] or ""), folder=True)


def _in_url(url: str) -> PageAddress | None:
    found = _ID_IN_URL.search(url)
    if found is not None:
        return PageAddress(next(filter(None, found.groups())))
    display = _DISPLAY.search(url)
    if display is not None:
        return PageAddress(title=" ".join(unquote_plus(display[2]).split()), space=unquote_plus(display[1]))
    try:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    except ValueError:
        return None
    if asked.get("spaceKey", "").strip() and asked.get("title", "").strip():
        return PageAddress(title=" ".join(asked["title"].split()), space=asked["spaceKey"].strip())
    short = _SHORT.search(url)
    return None if short is None else _from_short(short[1])


def _from_short(code: str) -> PageAddress | None:
    """Read a short link: the page's number, little-endian, in base 64 without its zeros at the end."""
    padded = code.replace("-", "/").replace("_", "+").ljust(11, "A") + "="
    try:
        (number,) = struct.unpack("<Q", base64.b64decode(padded, validate=True))
    except (binascii.Error, struct.error):
        return None
    return PageAddress(str(number)) if number else None


def _check_host(url: str, site_url: str) -> None:
    if "://" not in url or not site_url:
        return
    page, site = _place(url), _place(site_url)
    if page == site or (site[0] == _GATEWAY and page[0].endswith(".atlassian.net")):
        return
    raise UsageError(
        f"the page is of {page[0]}, not of {site[0]}", hint="use a client of that site: Confluence(url, …)"
    )


def _place(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"{safe_repr(masked_url(url), 80)} is not a URL", hint=_HINT) from None
    return (parts.hostname or "").lower().rstrip("."), None if port in (80, 443) else port
