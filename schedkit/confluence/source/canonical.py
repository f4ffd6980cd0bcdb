"""What a cell says, whatever its bytes: the form in which two cells are compared.

Confluence rewrites what it stores: it adds ids, versions and sizes, orders attributes, wraps text in
``<p>``, spells entities its own way, moves link texts into or out of CDATA, shows links as cards, and marks
inline comments. None of that is a change.
"""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import dataclass, field
from functools import lru_cache

from schedkit.confluence.source.reading import card_name
from schedkit.confluence.source.storage import attributes, tokens

__all__ = ["blank", "canonical", "digest", "form", "same", "same_form"]

Form = tuple[object, ...]

_SPACE = re.compile(r"[ \t\r\n]+")
_BREAK = "br"
_PARAGRAPH = "p"
# Servers wrap the text of these in `<p>`, or do not.
_EDGES = {
    "table",
    "tbody",
    "thead",
    "tr",
    "td",
    "th",
    "ul",
    "ol",
    "li",
    "ac:rich-text-body",
    "ac:layout-cell",
}
_START = ("table",)
# Elements that mark a place in the text and say nothing themselves; a link's body is its text.
_TRANSPARENT = {"ac:inline-comment-marker", "ac:link-body", "ac:plain-text-link-body"}
_VERBATIM = "ac:plain-text-body"
_NOISE = {
    "ac:local-id", "ac:macro-id", "ac:schema-version", "ac:card-appearance", "ri:version-at-save",
    "ri:local-id", "local-id", "id", "class", "rel", "target", "scope",
}  # fmt: skip
# What the site may add to these: sizes and places of images, the space of a page.
_EXTENSIBLE = {"ac:image", "ri:attachment", "ri:page", "ri:user", "ri:blog-post"}


def same(old: str, new: str) -> bool:
    """Tell whether the stored cell content `old` says what `new` says.

    Attributes that the site adds to an image or to a target are ignored, unless `new` has them too.
    """
    return old == new or _equal(canonical(old), canonical(new))


def same_form(old: str, new: str) -> bool:
    """As `same`, for markup too big to remember."""
    return old == new or _equal(form(old), form(new))


def _equal(old: Form, new: Form) -> bool:
    if old == new:
        return True
    return len(old) == len(new) and all(map(_part_equal, old, new))


def _part_equal(old: object, new: object) -> bool:
    if old == new:
        return True
    if not (isinstance(old, tuple) and isinstance(new, tuple) and old and new and old[0] == new[0]):
        return False
    if old[0] in _EXTENSIBLE:
        return set(new) <= set(old)
    return old[0] == "ac:parameter" and old[1] == new[1] and _equal(old[2], new[2])


def digest(markup: str, place: str = "") -> str:
    """Return a short name of what a cell says (at a place), the same for every spelling of it."""
    return hashlib.sha256(f"{place}{canonical(markup)!r}".encode("utf-8", "replace")).hexdigest()[:12]


def blank(markup: str) -> bool:
    """Tell whether a cell holds nothing that a person would miss."""
    return all(isinstance(part, str) and not part.strip() for part in canonical(markup))


@lru_cache(maxsize=8192)
def canonical(markup: str) -> Form:
    """Return the comparable form of a cell's content; ``()`` for an empty cell."""
    return form(markup)


def form(markup: str) -> Form:
    """As `canonical`, for markup too big to remember."""
    if "<" not in markup:
        plain = _collapsed(html.unescape(markup)).strip(" ")
        return (plain,) if plain else ()
    return _trimmed(_Former().formed(markup))


def _collapsed(run: str) -> str:
    return _SPACE.sub(" ", run)


@dataclass
class _Former:
    """Collects text runs as strings, breaks as 1-tuples, tags as tuples with their meaning attributes."""

    parts: list[object] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    verbatim: list[str] | None = None
    links: list[tuple[str, str, int]] = field(default_factory=list)
    parameters: list[tuple[str, int]] = field(default_factory=list)

    def formed(self, markup: str) -> list[object]:
        for token in tokens(markup):
            name = token["name"]
            if name is None:
                self._text(token["cdata"], token["text"])
            elif name not in _TRANSPARENT:
                self._tag(name, token["attrs"], bool(token["close"]))
        self._flush()
        return self.parts

    def _flush(self) -> None:
        if self.run:
            self.parts.append(_collapsed("".join(self.run)))
            self.run.clear()

    def _text(self, cdata: str | None, text: str | None) -> None:
        if self.verbatim is not None:
            self.verbatim.append(cdata if cdata is not None else html.unescape(text or ""))
        elif cdata is None:
            self.run.append(html.unescape(text or ""))
        elif self.links:
            # A link's text is CDATA in one editor and markup in the other.
            self.run.append(cdata)
        else:
            self._flush()
            self.parts.append(("cdata", cdata))

    def _tag(self, name: str, attrs: str, closes: bool) -> None:
        self._flush()
        empty = attrs.endswith("/")
        if name == "ac:parameter":
            self._parameter(attrs, closes, empty)
        elif name == _VERBATIM:
            self._body(closes, empty)
        elif name == _PARAGRAPH or (name == _BREAK and not closes):
            self.parts.append((name,))
        elif name == _BREAK:
            return
        elif closes:
            self._close(name)
        else:
            self._open(name, attrs)
            if empty:
                self._close(name)

    def _parameter(self, attrs: str, closes: bool, empty: bool) -> None:
        if not closes:
            self.parameters.append((attributes(attrs).get("ac:name", ""), len(self.parts)))
        if self.parameters and (closes or empty):
            label, begin = self.parameters.pop()
            value = tuple(self.parts[begin:])
            del self.parts[begin:]
            _add_parameter(self.parts, label, value)

    def _body(self, closes: bool, empty: bool) -> None:
        if not closes and not empty:
            self.verbatim = []
            return
        self.parts.append(("cdata", "".join(self.verbatim or [])))
        self.verbatim = None

    def _open(self, name: str, attrs: str) -> None:
        meaning = _meaning(name, attrs)
        if name == "a":
            card = "data-card-appearance" in attrs
            self.links.append((meaning[0][1], "card" if card else "", len(self.parts) + 1))
        elif name == "ac:link":
            self.links.append(("", "", len(self.parts) + 1))
        self.parts.append((name, *meaning))

    def _close(self, name: str) -> None:
        if name in ("a", "ac:link") and self.links:
            url, card, begin = self.links.pop()
            self._drop_name(url, bool(card), begin)
        self.parts.append(("/", name))

    def _drop_name(self, url: str, card: bool, begin: int) -> None:
        """Drop a link's text where it is only what its target is called: a site adds and removes it."""
        words = [part for part in self.parts[begin:] if isinstance(part, str) and part.strip()]
        if len(words) != 1:
            return
        shown = words[0].strip()
        if url:
            known = {card_name(url)} | ({url} if card else set())
        else:
            known = {
                value for part in self.parts[begin:] if isinstance(part, tuple) for value in _titles(part)
            }
        if shown in known:
            self.parts[begin:] = [part for part in self.parts[begin:] if part is not words[0]]


def _titles(part: tuple[object, ...]) -> list[str]:
    return [
        pair[1]
        for pair in part[1:]
        if isinstance(pair, tuple) and pair[0] in ("ri:content-title", "ri:filename")
    ]


def _meaning(name: str, attrs: str) -> list[tuple[str, str]]:
    """The attributes that say something, in one order."""
    found = attributes(attrs)
    if name == "a":
        return [("href", found.get("href", ""))]
    return sorted(
        (key, _style(value) if key == "style" else value)
        for key, value in found.items()
        if key not in _NOISE and not key.startswith("data-") and not (key in _SPANS and value == "1")
    )


_SPANS = ("colspan", "rowspan")


def _style(value: str) -> str:
    rules = (rule.partition(":") for rule in value.split(";") if rule.strip())
    return ";".join(sorted(f"{name.strip()}:{setting.strip()}" for name, _, setting in rules))


def _add_parameter(form: list[object], label: str, value: tuple[object, ...]) -> None:
    """Macro parameters have no order; a grey status may leave its colour out."""
    if label == "colour":
        value = tuple(part.strip().lower() if isinstance(part, str) else part for part in value)
        if value == ("grey",):
            return
    while form and isinstance(form[-1], str) and not form[-1].strip(" "):
        form.pop()
    entry = ("ac:parameter", label, value)
    at = len(form)
    while at and _is_parameter(form[at - 1]) and repr(form[at - 1]) > repr(entry):
        at -= 1
    form.insert(at, entry)


def _is_parameter(part: object) -> bool:
    return isinstance(part, tuple) and bool(part) and part[0] == "ac:parameter"


def _trimmed(form: list[object]) -> Form:
    """Drop space beside breaks and edges, paragraph marks beside each other, breaks beside edges."""
    kept: list[object] = []
    for part in form:
        before = kept[-1] if kept else _START
        if isinstance(part, str):
            if not isinstance(before, str) and (_is_break(before) or _is_edge(before)):
                part = part.lstrip(" ")
            if part:
                kept.append(part)
        elif _is_break(part):
            before = _strip_end(kept)
            if part == (_BREAK,):
                if not _is_edge(before):
                    kept.append(part)
            elif before == (_BREAK,):
                # `<p>a<br /></p>`: the paragraph's end says all that the break said.
                kept[-1] = part
            elif not _is_break(before) and not _is_edge(before):
                kept.append(part)
        elif _is_edge(part):
            _strip_breaks(kept)
            kept.append(part)
        else:
            kept.append(part)
    _strip_breaks(kept)
    return tuple(kept)


def _strip_end(kept: list[object]) -> object:
    """Drop space at the end of what was kept; return what then is the end."""
    if kept and isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip(" ")
        if not kept[-1]:
            kept.pop()
    return kept[-1] if kept else _START


def _strip_breaks(kept: list[object]) -> None:
    while _is_break(_strip_end(kept)):
        kept.pop()


def _is_break(part: object) -> bool:
    return part in ((_BREAK,), (_PARAGRAPH,))


def _is_edge(part: object) -> bool:
    """Tell whether a part begins or ends something that holds paragraphs: what begins it needs no mark."""
    if not isinstance(part, tuple):
        return False
    return part[0] in _EDGES or (part[0] == "/" and part[1] in _EDGES)
