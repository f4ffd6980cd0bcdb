"""What a cell says, whatever its bytes: the form in which two cells are compared.

Confluence rewrites what it stores: it adds ids, orders attributes, wraps text in ``<p>``, spells entities
its own way, and marks inline comments. None of that is a change.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache

from schedkit.confluence.source.storage import attributes, tokens

__all__ = ["blank", "canonical", "form", "same"]

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
# Elements that mark a place in the text and say nothing themselves.
_TRANSPARENT = {"ac:inline-comment-marker"}
_NOISE = {"ac:local-id", "ac:macro-id", "ac:schema-version", "local-id", "id", "class", "rel", "target"}


def same(old: str, new: str) -> bool:
    """Tell whether two cell contents say the same."""
    return old == new or canonical(old) == canonical(new)


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
    return _trimmed(_raw_form(markup))


def _collapsed(run: str) -> str:
    return _SPACE.sub(" ", run)


def _raw_form(markup: str) -> list[object]:
    """Text runs as strings, breaks as 1-tuples, tags as tuples with their meaning attributes."""
    form: list[object] = []
    run: list[str] = []
    parameter: tuple[str, int] | None = None

    def flush() -> None:
        if run:
            form.append(_collapsed("".join(run)))
            run.clear()

    for token in tokens(markup):
        name = token["name"]
        if name is None:
            if token["cdata"] is not None:
                flush()
                form.append(("cdata", token["cdata"]))
            elif token["text"] is not None:
                run.append(html.unescape(token["text"]))
            continue
        if name in _TRANSPARENT:
            continue
        flush()
        attrs, closes = token["attrs"], bool(token["close"])
        if name == "ac:parameter":
            if not closes:
                parameter = (attributes(attrs).get("ac:name", ""), len(form))
            if parameter and (closes or attrs.endswith("/")):
                label, begin = parameter
                value = tuple(form[begin:])
                del form[begin:]
                _add_parameter(form, label, value)
                parameter = None
        elif name == _PARAGRAPH or (name == _BREAK and not closes):
            form.append((name,))
        elif name == _BREAK:
            continue
        elif closes:
            form.append(("/", name))
        else:
            form.append((name, *_meaning(name, attrs)))
            if attrs.endswith("/"):
                form.append(("/", name))
    flush()
    return form


def _meaning(name: str, attrs: str) -> list[tuple[str, str]]:
    """The attributes that say something, in one order."""
    found = attributes(attrs)
    if name == "a":
        return [("href", found.get("href", ""))]
    return sorted(
        (key, _style(value) if key == "style" else value)
        for key, value in found.items()
        if key not in _NOISE and not key.startswith("data-")
    )


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
