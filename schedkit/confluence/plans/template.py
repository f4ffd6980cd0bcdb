"""Placeholders: a page made from a template once, and filled again and again.

``{{ name }}`` in a template becomes, on the page, its value between two invisible anchors
(``name`` and ``name-end``; a table needs only the first). Later fillings replace what is between them, so
people may move them and write around them as they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schedkit.confluence.markup import anchor, escape
from schedkit.confluence.plans.placeholders import END, NAME, inline, managed, placeholder_name, plain
from schedkit.confluence.source.locate import BLOCKS
from schedkit.confluence.source.storage import check, tokens
from schedkit.confluence.tables.arguments import sendable
from schedkit.confluence.tables.merge import check_keys, check_rows
from schedkit.confluence.tables.new_table import fresh_table
from schedkit.errors import UsageError
from schedkit.values.text import clip, did_you_mean, safe_repr

__all__ = ["fixed_names", "page_title", "placeholder_names", "rendered_template"]

_PLACEHOLDER = re.compile(r"\{\{\s*(" + NAME + r")\s*\}\}")
# A paragraph that holds nothing but a table's placeholder gives way to the table.
_ALONE = re.compile(r"<p(?:\s[^<>]*)?>\s*(\{\{\s*(" + NAME + r")\s*\}\})\s*</p>")


def rendered_template(template: str, values: Mapping[str, Any], cloud: bool) -> str:
    """Return the page that a template makes with values.

    Raises
    ------
    UsageError
        If a placeholder has no value, is misplaced, or occurs twice; or a value has no placeholder.
    MalformedPageError
        If the template is not well-formed storage format.
    """
    check(template, "the template")
    tables = {name for name, value in values.items() if managed(value) is not None}
    template = _ALONE.sub(lambda found: found[1] if found[2] in tables else found[0], template)
    filler = _Filler({placeholder_name(name): value for name, value in values.items()}, cloud)
    page = filler.fill(template)
    for name in values:
        count = filler.placed.count(name)
        if count > 1 or (not count and name not in filler.fixed):
            raise UsageError(
                f"the template has the placeholder {name!r} {count} times",
                hint="each value needs its placeholder once",
            )
    check(page, "the page made from the template")
    return page


def fixed_names(template: str) -> set[str]:
    """Return the placeholders that occur only in macro parameters: they are set once."""
    inside: set[str] = set()
    outside: set[str] = set()
    for token, path in _with_path(template):
        if token["text"] is not None:
            found = _PLACEHOLDER.findall(token[0])
            (inside if "ac:parameter" in path else outside).update(found)
    return inside - outside


# What Confluence takes.
_LONGEST_TITLE = 255


def page_title(title: str, values: Mapping[str, Any]) -> str:
    """Return a page's title with values in its placeholders, as Confluence stores it.

    Raises
    ------
    UsageError
        If nothing is left of it, or it is too long or holds half of a character.
    """
    filled = _PLACEHOLDER.sub(lambda found: plain(found[1], _value(found[1], values)), title)
    made = sendable(" ".join(filled.split()), "title")
    if not made or len(made) > _LONGEST_TITLE:
        raise UsageError(
            f"the title {safe_repr(title, 60)} becomes {safe_repr(made, 60)}, of {len(made)} characters",
            hint=f"a title has 1 to {_LONGEST_TITLE} characters",
        )
    return made


def placeholder_names(text: str) -> set[str]:
    """Return the names of the placeholders in a text."""
    return set(_PLACEHOLDER.findall(text))


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise UsageError(
            f"the template's placeholder {name!r} has no value",
            hint=did_you_mean(name, values, otherwise=f"there are values for {', '.join(values) or 'none'}"),
        )
    return values[name]


def _with_path(template: str) -> Iterable[tuple[re.Match[str], list[str]]]:
    """Yield the tokens of a checked template, each with the names of the elements around it."""
    path: list[str] = []
    for token in tokens(template):
        if token["name"] is not None and token["close"]:
            path.pop()
        yield token, path
        if token["name"] is not None and not token["close"] and not token["attrs"].endswith("/"):
            path.append(token["name"])


@dataclass
class _Filler:
    """Puts values into a template; `placed` are those with a place of their own, `fixed` the others."""

    values: Mapping[str, Any]
    cloud: bool
    placed: list[str] = field(default_factory=list)
    fixed: set[str] = field(default_factory=set)

    def fill(self, template: str) -> str:
        return "".join(self._filled(token, path) for token, path in _with_path(template))

    def _filled(self, token: re.Match[str], path: list[str]) -> str:
        if token["text"] is not None:
            return _PLACEHOLDER.sub(lambda found: self._put(found[1], path), token[0])
        if _PLACEHOLDER.search(token[0]):
            raise UsageError(
                f"a placeholder is inside markup: {clip(token[0], 60)!r}",
                hint="placeholders are allowed only in text and in macro parameters",
            )
        return token[0]

    def _put(self, name: str, path: list[str]) -> str:
        value = _value(name, self.values)
        if "ac:parameter" in path:
            self.fixed.add(name)
            return escape(plain(name, value))
        self.placed.append(name)
        table = managed(value)
        if table is None:
            return anchor(name) + inline(name, value) + anchor(name + END)
        if path and path[-1] not in BLOCKS:
            raise UsageError(
                f"placeholder {name!r} is a table, which is not allowed inside <{path[-1]}>",
                hint="put it into a paragraph of its own: <p>{{ " + name + " }}</p>",
            )
        rendered, how = table.rendered(self.cloud)
        check_keys(rendered, how, f"placeholder {name!r}")
        check_rows(rendered, how, f"placeholder {name!r}")
        return f"<p>{anchor(name)}</p>{fresh_table(rendered, how)}"
