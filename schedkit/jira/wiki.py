"""Jira's wiki markup (Data Center's text fields) to plain text or Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["to_markdown", "to_text"]

_BLOCK = re.compile(r"\{(code|noformat)(?::([^}\n]*))?\}(.*?)\{\1\}", re.DOTALL)
_HEADING = re.compile(r"^h([1-6])\.[ \t]*(.*)$", re.MULTILINE)
_BULLET = re.compile(r"^([*#-]+)[ \t]+", re.MULTILINE)
_QUOTE = re.compile(r"^bq\.[ \t]*", re.MULTILINE)
_LINK = re.compile(r"\[(?:([^\[\]|\n]*)\|)?([^\[\]|\n]+)(?:\|[^\[\]\n]*)?\]")
_IMAGE = re.compile(r"!([^!\s|][^!\n|]*)(?:\|[^!\n]*)?!")
_COLOUR = re.compile(r"\{color(?::[^}\n]*)?\}|\{(?:quote|panel|anchor|section|column)(?::[^}\n]*)?\}")
_MONOSPACE = re.compile(r"\{\{(.+?)\}\}")
_ROW = re.compile(r"^\|\|?(.*?)\|*[ \t]*$", re.MULTILINE)
# A mark counts only at the edges of words: 2*3*4 and snake_case stay as they are.
_EDGE = r"(?<![\w{mark}\\]){open}(?=\S)(.+?)(?<=\S){open}(?![\w{mark}])"
_MARKS = [(re.compile(_EDGE.format(open=re.escape(m), mark=re.escape(m))), md) for m, md in
          (("*", "**"), ("_", "*"), ("??", "*"), ("+", ""), ("-", "~~"), ("^", ""), ("~", ""))]  # fmt: skip


def to_text(markup: str) -> str:
    """Return the words of wiki markup."""
    return _convert(markup, False)


def to_markdown(markup: str) -> str:
    """Return wiki markup as Markdown."""
    return _convert(markup, True)


def _convert(markup: str, markdown: bool) -> str:
    if not any(mark in markup for mark in "*_{[h|!+-#?^~b\r"):
        return markup
    out: list[str] = []
    last = 0
    text = markup.replace("\r\n", "\n")
    for block in _BLOCK.finditer(text):
        out.append(_prose(text[last : block.start()], markdown))
        code = block[3].strip("\n")
        language = (block[2] or "").partition("|")[0]
        out.append(f"```{language if '=' not in language else ''}\n{code}\n```" if markdown else code)
        last = block.end()
    out.append(_prose(text[last:], markdown))
    return "".join(out)


def _prose(text: str, markdown: bool) -> str:
    text = _COLOUR.sub("", text)
    text = _MONOSPACE.sub(r"`\1`" if markdown else r"\1", text)
    text = _LINK.sub(_linked(markdown), text)
    text = _IMAGE.sub(r"![](\1)" if markdown else r"\1", text)
    text = _BULLET.sub(_bulleted, text)
    for pattern, mark in _MARKS:
        text = pattern.sub(rf"{mark}\1{mark}" if markdown else r"\1", text)
    text = _HEADING.sub(lambda m: f"{'#' * int(m[1])} {m[2]}" if markdown else m[2], text)
    text = _QUOTE.sub("> " if markdown else "", text)
    if not markdown:
        text = _ROW.sub(lambda m: "\t".join(c.strip() for c in m[1].replace("||", "|").split("|")), text)
    return text


def _linked(markdown: bool) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        words, target = match[1], match[2]
        if words is None and not re.match(r"https?:|mailto:|[~#^]", target):
            # [x] and array[0] are no links.
            return match[0]
        if markdown:
            return f"[{words or target}]({target})"
        return words or target.lstrip("~#^").removeprefix("mailto:")

    return replaced


def _bulleted(match: re.Match[str]) -> str:
    signs = match[1]
    if set(signs) == {"-"} and len(signs) > 1:
        return match[0]
    bullet = "1. " if signs[-1] == "#" else "- "
    return "  " * (len(signs) - 1) + bullet
