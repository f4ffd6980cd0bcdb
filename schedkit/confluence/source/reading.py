"""What a person sees of storage format, as plain text."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus

from schedkit.confluence.source.storage import HIDDEN, Element, attributes, tag_pattern, tokens

__all__ = ["card_name", "key_text", "lines", "own_parameters", "shows_the_same", "text"]

# Of a macro's parameters these are what a reader of the page sees.
_SEEN_PARAMETERS = {"title", "key"}
_UNSEEN = {HIDDEN, "ac:adf-attribute", "ac:task-id", "ac:task-uuid", "ac:placeholder", "ac:adf-fragment-mark"}
_BREAKS = {"br", "p", "li", "div", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote"}
_BREAKS |= {"ac:task", "ac:task-body", "ac:adf-node", "ac:plain-text-body", "ac:rich-text-body"}
_LINKS = {"ac:link", "ac:image"}

# Replacements for the emoticons that the editor before 2020 wrote by name.
_EMOTICONS = {
    "smile": "🙂", "sad": "🙁", "cheeky": "😛", "laugh": "😀", "wink": "😉", "thumbs-up": "👍",
    "thumbs-down": "👎", "information": "ℹ", "tick": "✔", "cross": "✖", "warning": "⚠", "plus": "➕",
    "minus": "➖", "question": "❓", "light-on": "💡", "yellow-star": "⭐", "red-star": "⭐",
    "green-star": "⭐", "blue-star": "⭐", "heart": "❤", "broken-heart": "💔",
}  # fmt: skip

_ISSUE_URL = re.compile(r"https?://\S+/browse/([A-Z][A-Z0-9_]*-[0-9]+)(?:[?#]\S*)?")
_PAGE_URL = re.compile(r"https?://\S+/(?:pages/[0-9]+|display/[^/\s]+)/([^/?#\s]+)(?:[?#]\S*)?")


def text(markup: str) -> str:
    """Return what a reader sees of `markup` on one line: no tags, entities decoded, white space collapsed.

    A task begins with its state, ``[x]`` or ``[ ]``; a link or an image without words of its own is named
    by its target.
    """
    if "<" not in markup:
        return " ".join(html.unescape(markup).split())
    return " ".join(lines(markup))


def lines(markup: str) -> list[str]:
    """Return what a reader sees of `markup`, line by line; empty lines are left out."""
    reader = _Reader()
    for token in tokens(markup):
        reader.feed(token)
    return [line for part in "".join(reader.parts).split("\n") if (line := " ".join(part.split()))]


def shows_the_same(old: str, new: str) -> bool:
    """Tell whether a person sees the same plain text in both; only `new` says whether lines matter."""
    if "<" in new and len(wanted := lines(new)) > 1:
        return lines(old) == wanted
    return text(old) == text(new) or key_text(old) == key_text(new)


def key_text(markup: str) -> str:
    """Return the key a cell holds, be it plain, linked, formatted, ticked, a Jira macro or a pasted URL."""
    shown = text(markup)
    if "ac:emoticon" in markup:
        shown = text(_EMOTICON_TAG.sub("", markup)) or shown
    return card_name(shown) or shown


_EMOTICON_TAG = re.compile(r"""<ac:emoticon(?:[^>"']|"[^"]*"|'[^']*')*?(?:/>|>\s*</ac:emoticon>)""")


def card_name(url: str) -> str:
    """Return what Confluence shows instead of a URL that points to an issue or a page; empty if nothing."""
    issue = _ISSUE_URL.fullmatch(url)
    if issue is not None:
        return issue[1]
    page = _PAGE_URL.fullmatch(url)
    return unquote_plus(page[1]) if page is not None else ""


@dataclass
class _Link:
    """A link or image that is open: where its text begins, and its replacement if it has none."""

    name: str
    begin: int
    target: str = ""
    card: str = ""


@dataclass
class _Reader:
    """Collects the visible text of tokens; a break becomes ``\\n``."""

    parts: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    open: list[_Link] = field(default_factory=list)
    status: list[str] | None = None

    def feed(self, token: re.Match[str]) -> None:
        name = token["name"]
        if name is None:
            self._text(token["cdata"] if token["cdata"] is not None else html.unescape(token["text"] or ""))
        elif token["close"]:
            self._close(name)
        else:
            self._open(name, token["attrs"])
            if token["attrs"].endswith("/"):
                self._close(name)

    def _text(self, run: str) -> None:
        if self.status is not None:
            self.status.append(run)
        elif not self.hidden:
            # White space in the source is not a break.
            self.parts.append(" ".join(run.split("\n")) if "\n" in run else run)

    def _open(self, name: str, attrs: str) -> None:
        if self.hidden or name in _UNSEEN or (name == "ac:parameter" and not _is_seen(attrs)):
            self.hidden.append(name)
        elif name == "ac:task-status":
            self.status = []
        elif name in _BREAKS:
            self.parts.append("\n")
        elif name == "ac:emoticon":
            self.parts.append(_emoticon(attributes(attrs)))
        elif name == "time":
            self.parts.append(attributes(attrs).get("datetime", ""))
        elif name in _LINKS or (name == "a" and "data-card-appearance" in attrs):
            self._open_link(name, attributes(attrs))
        elif name.startswith("ri:"):
            self._resource(name, attributes(attrs))

    def _open_link(self, name: str, attrs: dict[str, str]) -> None:
        anchor = attrs.get("ac:anchor") if name == "ac:link" else attrs.get("ac:alt")
        self.open.append(_Link(name, len(self.parts), anchor or "", attrs.get("href", "")))

    def _resource(self, name: str, attrs: dict[str, str]) -> None:
        target = _target(name, attrs)
        if not self.open:
            self.parts.append(target if name == "ri:user" else "")
        elif target and not (self.open[-1].name == "ac:image" and self.open[-1].target):
            self.open[-1].target = target

    def _close(self, name: str) -> None:
        if self.hidden:
            if self.hidden[-1] == name:
                self.hidden.pop()
        elif name == "ac:task-status":
            state = "".join(self.status or []).strip()
            self.status = None
            self.parts.append("\n[x] " if state == "complete" else "\n[ ] ")
        elif name in _BREAKS and name != "ac:task-body":
            self.parts.append("\n")
        elif self.open and self.open[-1].name == name:
            self._close_link(self.open.pop())

    def _close_link(self, link: _Link) -> None:
        words = "".join(self.parts[link.begin :]).strip()
        if not words:
            self.parts.append(link.target)
        elif link.card and words == link.card:
            self.parts[link.begin :] = [card_name(link.card) or words]


def _is_seen(attrs: str) -> bool:
    return attributes(attrs).get("ac:name", "") in _SEEN_PARAMETERS


def _emoticon(attrs: dict[str, str]) -> str:
    fallback = attrs.get("ac:emoji-fallback", "")
    name = attrs.get("ac:name", "")
    # Every emoji of Cloud that has no old name is called so.
    if fallback and (not fallback.startswith(":") or name == "blue-star"):
        return fallback
    return _EMOTICONS.get(name) or fallback or (f":{name}:" if name else "")


def _target(name: str, attrs: dict[str, str]) -> str:
    """Return what names the target of a link or an image."""
    if name == "ri:user":
        who = attrs.get("ri:account-id") or attrs.get("ri:userkey") or attrs.get("ri:username") or ""
        return f"@{who}"
    if name == "ri:url":
        return unquote(attrs.get("ri:value", "").rstrip("/").rpartition("/")[2])
    for label in ("ri:content-title", "ri:filename", "ri:space-key", "ri:key"):
        if attrs.get(label):
            return attrs[label]
    return ""


_MACRO_TAGS = tag_pattern("ac:structured-macro|ac:macro|ac:parameter")


def own_parameters(source: str, macro: Element) -> dict[str, str]:
    """Return the parameters of `macro` itself, not those of macros in its body."""
    found: dict[str, str] = {}
    depth = 0
    name, begin = "", 0
    for match in _MACRO_TAGS.finditer(source, macro.inner, macro.outer):
        if match[2] is None:
            continue
        closes, empty = bool(match[1]), match[3].endswith("/")
        if match[2] != "ac:parameter":
            depth += 0 if empty else (-1 if closes else 1)
        elif depth == 0:
            if closes:
                found[name] = text(source[begin : match.start()])
            else:
                name, begin = attributes(match[3]).get("ac:name", ""), match.end()
                if empty:
                    found[name] = ""
    return found
