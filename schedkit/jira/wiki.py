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
# A mark counts only at the edges of words: 2*3*4 and snake_case stay as they are. The mark comes first and
# looks back over itself, so that the search for it is one of a literal (7 times faster on long texts).
_EDGE = r"{open}(?<![\w{mark}\\]{open})(?![\s{mark}])(.+?)(?<=\S){open}(?![\w{mark}])"
_MARKS = [
    (mark, re.compile(_EDGE.format(open=re.escape(mark), mark=re.escape(mark))), markdown)
    for mark, markdown in (("*", "**"), ("_", "*"), ("??", "*"), ("+", ""), ("^", ""), ("~", ""), ("-", "~~"))
]
_HEADINGS = tuple(f"h{level}." for level in range(1, 7))
_BULLETS = ("* ", "# ", "- ", "*\t", "#\t", "-\t")


def to_text(markup: str) -> str:
    """Return the words of wiki markup."""
    return _convert(markup, False)


def to_markdown(markup: str) -> str:
    """Return wiki markup as Markdown."""
    return _convert(markup, True)


def _convert(markup: str, markdown: bool) -> str:
    out: list[str] = []
    last = 0
    text = markup.replace("\r\n", "\n")
    blocks = _BLOCK.finditer(text) if "{code" in text or "{noformat" in text else ()
    for block in blocks:
        out.append(_prose(text[last : block.start()], markdown))
        code = block[3].strip("\n")
        language = (block[2] or "").partition("|")[0]
        out.append(f"```{language if '=' not in language else ''}\n{code}\n```" if markdown else code)
        last = block.end()
    out.append(_prose(text[last:], markdown))
    return "".join(out)


def _prose(text: str, markdown: bool) -> str:
    # Most texts hold few kinds of marks, and looking for a literal costs next to nothing.
    if "{" in text:
        text = _COLOUR.sub("", text)
        text = _MONOSPACE.sub(r"`\1`" if markdown else r"\1", text)
    if "[" in text:
        text = _LINK.sub(_linked(markdown), text)
    if "!" in text:
        text = _IMAGE.sub(r"![](\1)" if markdown else r"\1", text)
    if any(bullet in text for bullet in _BULLETS):
        text = _BULLET.sub(_bulleted, text)
    for mark, pattern, written in _MARKS:
        if mark in text:
            text = pattern.sub(rf"{written}\1{written}" if markdown else r"\1", text)
    if any(heading in text for heading in _HEADINGS):
        text = _HEADING.sub(lambda m: f"{'#' * int(m[1])} {m[2]}" if markdown else m[2], text)
    if "bq." in text:
        text = _QUOTE.sub("> " if markdown else "", text)
    if "|" in text:
        text = _ROW.sub(_row(markdown), text)
    return text


def _row(markdown: bool) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        cells = [cell.strip() for cell in match[1].replace("||", "|").split("|")]
        if not markdown:
            return "\t".join(cells)
        row = f"| {' | '.join(cells)} |"
        # A heading row is the one that starts with two bars.
        return f"{row}\n|{' --- |' * len(cells)}" if match[0].startswith("||") else row

    return replaced


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
