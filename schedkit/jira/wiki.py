"""Jira's wiki markup (Data Center's text fields) to plain text or Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

__all__ = ["to_markdown", "to_text"]

# The text is untrusted: every pattern here takes time in proportion to its length, whatever it contains. So
# none scans ahead for an end that another start may lack; pairs are matched by hand below.
# Not {{code}}, which is the word in monospace.
_BLOCK_START = re.compile(r"(?<!\{)\{(code|noformat)(?::([^{}\n]*))?\}")
# What begins a line is looked for with the line break before it: a search for a literal, where ^ would be
# tried at each character.
_HEADING = re.compile(r"\nh([1-6])\.[ \t]*(.*)")
_BULLET = re.compile(r"\n([*#-]+)[ \t]+")
_QUOTE = re.compile(r"\nbq\.[ \t]*")
_PREFIX = re.compile(r"\n(?:h[1-6]\.[ \t]*(?:bq\.[ \t]*)?|bq\.[ \t]*)")
_LINK = re.compile(r"\[(?:([^\[\]|\n]*)\|)?([^\[\]|\n]+)(?:\|[^\[\]\n]*)?\]")
_IMAGE = re.compile(r"!([^!\s|][^!\n|]*)(?:\|[^!\n]*)?!")
_COLOUR = re.compile(r"\{color(?::[^{}\n]*)?\}|\{(?:quote|panel|anchor|section|column)(?::[^{}\n]*)?\}")
_ROW = re.compile(r"\n\|\|?(.*)")
# A mark counts only at the edges of words: 2*3*4 and snake_case stay as they are. The mark comes first and
# looks back over itself, so that the search for it is one of a literal (7 times faster on long texts).
_OPENS, _CLOSES = r"{open}(?<![\w{mark}\\]{open})(?![\s{mark}])", r"{open}(?<=\S{open})(?![\w{mark}])"
_MARKS = [
    (
        mark,
        re.compile(_OPENS.format(open=re.escape(mark), mark=re.escape(mark))),
        re.compile(_CLOSES.format(open=re.escape(mark), mark=re.escape(mark))),
        markdown,
    )
    for mark, markdown in (("*", "**"), ("_", "*"), ("??", "*"), ("+", ""), ("^", ""), ("~", ""), ("-", "~~"))
]


def to_text(markup: str) -> str:
    """Return the words of wiki markup."""
    return _convert(markup, False)


def to_markdown(markup: str) -> str:
    """Return wiki markup as Markdown."""
    return _convert(markup, True)


def _convert(markup: str, markdown: bool) -> str:
    out: list[str] = []
    last = 0
    text = markup.replace("\r\n", "\n") if "\r" in markup else markup
    blocks = _blocks(text) if "{" in text else ()
    for start, end, language, inside in blocks:
        out.append(_prose(text[last:start], markdown))
        code = inside.strip("\n")
        out.append(f"```{language if '=' not in language else ''}\n{code}\n```" if markdown else code)
        last = end
    out.append(_prose(text[last:], markdown))
    return "".join(out)


def _blocks(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield the blocks of code: where each starts and ends, its language, and what is in it."""
    at = 0
    open_ended: set[str] = set()
    while match := _BLOCK_START.search(text, at):
        kind, at = match[1], match.end()
        if kind in open_ended:
            continue
        closer = f"{{{kind}}}"
        end = text.find(closer, at)
        if end < 0:
            open_ended.add(kind)
            continue
        yield match.start(), end + len(closer), (match[2] or "").partition("|")[0], text[at:end]
        at = end + len(closer)


def _prose(text: str, markdown: bool) -> str:
    # Most texts hold few kinds of marks, and looking for one character costs next to nothing: a tenth of
    # looking for two.
    text = f"\n{text}"
    if "{" in text:
        text = _COLOUR.sub("", text)
        if "{{" in text:
            text = _pairs(text, _positions(text, "{{"), _positions(text, "}}"), 2, "`" if markdown else "")
    if "[" in text:
        text = _LINK.sub(_linked(markdown), text)
    if "!" in text:
        text = _IMAGE.sub((lambda m: f"![]({m[1]})") if markdown else (lambda m: m[1]), text)
    if "*" in text or "-" in text or "#" in text:
        text = _BULLET.sub(_bulleted, text)
    for mark, opens, closes, written in _MARKS:
        if mark[0] in text:
            starts = (match.start() for match in opens.finditer(text))
            ends = (match.start() for match in closes.finditer(text))
            text = _pairs(text, starts, ends, len(mark), written if markdown else "")
    if markdown:
        text = _QUOTE.sub("\n> ", _HEADING.sub(_headed, text))
    else:
        text = _PREFIX.sub("\n", text)
    if "|" in text:
        text = _ROW.sub(_row(markdown), text)
    return text[1:]


def _pairs(text: str, opens: Iterable[int], closes: Iterable[int], width: int, written: str) -> str:
    """Write another mark in place of each pair on one line with something between.

    Parameters
    ----------
    opens, closes : iterable of int
        Where marks of `width` characters may open and close, ascending.
    """
    out: list[str] = []
    done = line_end = 0
    ends = iter(closes)
    end = next(ends, -1)
    for start in opens:
        if start < done:
            continue
        while 0 <= end <= start + width:
            end = next(ends, -1)
        if end < 0:
            break
        if start >= line_end:
            found = text.find("\n", start)
            line_end = found if found >= 0 else len(text)
        if end < line_end:
            out += (text[done:start], written, text[start + width : end], written)
            done = end + width
    return "".join(out) + text[done:]


def _positions(text: str, what: str) -> Iterator[int]:
    at = text.find(what)
    while at >= 0:
        yield at
        at = text.find(what, at + 1)


def _row(markdown: bool) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        inside = match[1].rstrip(" \t").rstrip("|")
        cells = [cell.strip() for cell in inside.replace("||", "|").split("|")]
        if not markdown:
            return "\n" + "\t".join(cells)
        row = f"\n| {' | '.join(cells)} |"
        # A heading row is the one that starts with two bars.
        return f"{row}\n|{' --- |' * len(cells)}" if match[0].startswith("\n||") else row

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


def _headed(match: re.Match[str]) -> str:
    return f"\n{'#' * int(match[1])} {match[2]}"


def _bulleted(match: re.Match[str]) -> str:
    signs = match[1]
    if set(signs) == {"-"} and len(signs) > 1:
        return match[0]
    bullet = "1. " if signs[-1] == "#" else "- "
    return f"\n{'  ' * (len(signs) - 1)}{bullet}"
