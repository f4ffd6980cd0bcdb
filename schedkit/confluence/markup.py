"""Values a cell can hold beyond text, and the storage format of each."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from enum import Enum

from schedkit.errors import UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.scalars import plain_text, whole_number_of
from schedkit.values.text import safe_repr

__all__ = ["Image", "Link", "Lozenge", "Markup", "Mention", "anchor", "attachment_link", "escape", "time_tag"]

# Everything XML 1.0 cannot hold, lone surrogates and the two non-characters included.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile("[&<>\r\n\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SCHEMES = ("https://", "http://", "mailto:")
COLOURS = ("Grey", "Red", "Yellow", "Green", "Blue", "Purple")


class Formatted(str):
    """Storage format whose markup is part of what it says: compared as markup, not by its text."""

    __slots__ = ()


def escape(value: str) -> str:
    """Return text as storage format: escaped, lines as ``<br />``, what XML cannot hold left out."""
    if not _SPECIAL.search(value):
        return value
    value = _ILLEGAL.sub("", value)
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "<br />")


def is_web_address(url: str) -> bool:
    """Tell whether a URL may be put on a page: http, https or mailto, and nothing that a browser runs."""
    return url.lower().startswith(_SCHEMES)


def attribute(value: str) -> str:
    """Return text as the inside of a quoted attribute."""
    return html.escape(_ILLEGAL.sub("", value), quote=True)


def cdata(value: str) -> str:
    """Return text as CDATA; a ``]]>`` inside is split over two sections."""
    return "<![CDATA[" + _ILLEGAL.sub("", value).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def time_tag(day: str) -> str:
    """Return Confluence's date of an ISO day."""
    return f'<time datetime="{day}" />'


def anchor(name: str) -> str:
    """Return an anchor macro, invisible on the page."""
    return (
        '<ac:structured-macro ac:name="anchor" ac:schema-version="1">'
        f'<ac:parameter ac:name="">{escape(name)}</ac:parameter></ac:structured-macro>'
    )


def attachment_link(filename: str, shown: str) -> str:
    """Return a link to an attachment of the same page."""
    return (
        f'<ac:link><ri:attachment ri:filename="{attribute(filename)}" />'
        f"<ac:plain-text-link-body>{cdata(shown)}</ac:plain-text-link-body></ac:link>"
    )


def _check_texts(value: object, **parts: object) -> None:
    for name, part in parts.items():
        if not isinstance(part, str):
            kind = type(value).__name__
            raise UsageError(
                f"{kind}: {name}={safe_repr(part, 60)} is not a text", hint=f"give {name}= a string"
            )
        if isinstance(part, Enum):  # it would be formatted as its name
            object.__setattr__(value, name, plain_text(part))


@check_keywords
@dataclass(frozen=True)
class Markup:
    """Storage format of your own, put on the page as it is; it has to be well-formed."""

    storage: str

    def __post_init__(self) -> None:
        _check_texts(self, storage=self.storage)


@check_keywords
@dataclass(frozen=True)
class Link:
    """A link; only http, https and mailto addresses are accepted."""

    text: str
    url: str

    def __post_init__(self) -> None:
        _check_texts(self, text=self.text, url=self.url)
        if not is_web_address(self.url):
            raise UsageError(
                f"unsupported link address {safe_repr(self.url, 60)}",
                hint="use an http://, https:// or mailto: address",
            )

    @property
    def storage(self) -> str:
        """Its storage format."""
        return f'<a href="{attribute(self.url)}">{escape(self.text)}</a>'


@check_keywords
@dataclass(frozen=True)
class Lozenge:
    """A status lozenge; colour is one of Grey, Red, Yellow, Green, Blue, Purple."""

    text: str
    colour: str = "Grey"

    def __post_init__(self) -> None:
        _check_texts(self, text=self.text, colour=self.colour)
        if self.colour not in COLOURS:
            raise UsageError(
                f"unknown lozenge colour {safe_repr(self.colour, 60)}",
                hint=f"use one of {', '.join(COLOURS)}",
            )

    @property
    def storage(self) -> str:
        """Its storage format."""
        return (
            '<ac:structured-macro ac:name="status" ac:schema-version="1">'
            f'<ac:parameter ac:name="title">{escape(self.text)}</ac:parameter>'
            f'<ac:parameter ac:name="colour">{self.colour}</ac:parameter></ac:structured-macro>'
        )


@check_keywords
@dataclass(frozen=True)
class Mention:
    """A mention of a user: an account id on Cloud, a user key on Data Center (`cloud=False`)."""

    id: str
    cloud: bool = True

    def __post_init__(self) -> None:
        _check_texts(self, id=self.id)

    @property
    def storage(self) -> str:
        """Its storage format."""
        name = "account-id" if self.cloud else "userkey"
        return f'<ac:link><ri:user ri:{name}="{attribute(self.id)}" /></ac:link>'


@check_keywords
@dataclass(frozen=True)
class Image:
    """An image attached to the page, e.g. a chart; `width` in pixels."""

    filename: str
    alt: str = ""
    width: int | None = None

    def __post_init__(self) -> None:
        _check_texts(self, filename=self.filename, alt=self.alt)
        if self.width is None:
            return
        width = whole_number_of(self.width)
        if width is None or width < 1:
            raise UsageError(
                f"Image: width={safe_repr(self.width, 60)} is not a number of pixels", hint="width=400"
            )
        object.__setattr__(self, "width", width)

    @property
    def storage(self) -> str:
        """Its storage format."""
        shape = f' ac:width="{self.width}"' if self.width else ""
        shape += f' ac:alt="{attribute(self.alt)}"' if self.alt else ""
        return f'<ac:image{shape}><ri:attachment ri:filename="{attribute(self.filename)}" /></ac:image>'
