"""A page as a person sees it: storage format turned into plain, inert HTML."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from html import escape, unescape
from xml.parsers import expat

from starlette.requests import Request
from starlette.responses import Response

from schedkit.demo import answers
from schedkit.demo.confluence.model import Attachment, Page
from schedkit.demo.confluence.storage import WRAP
from schedkit.demo.confluence.store import WikiStore

# fmt: off
_PLAIN = {
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "b", "em", "i", "u", "s", "sub", "sup", "code",
    "pre", "ul", "ol", "li", "blockquote", "table", "tbody", "thead", "tr", "th", "td", "br", "hr",
    "span", "div", "colgroup", "col", "del", "small",
}
# fmt: on
_VOID = {"br", "col", "hr"}
_PANELS = {"info": "#deebff", "note": "#eae6ff", "warning": "#ffebe6", "tip": "#e3fcef", "panel": "#f4f5f7"}
_COLORS = {
    "grey": "#dfe1e6", "blue": "#deebff", "green": "#e3fcef", "red": "#ffebe6", "yellow": "#fff0b3",
    "purple": "#eae6ff",
}  # fmt: skip
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#172b4d;max-width:1180px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
th,td{border:1px solid #c1c7d0;padding:6px 10px;
vertical-align:top}
th{background:#f4f5f7;text-align:left}td p,th p{margin:0}.lozenge,.date{white-space:nowrap}
.lozenge{border-radius:3px;padding:1px 6px;
font-size:11px;font-weight:700;text-transform:uppercase}
.panel{border-radius:4px;padding:8px 14px;margin:1rem 0}
.meta{color:#6b778c;font-size:13px}.layout{display:flex;gap:2rem}.layout>div{flex:1}
pre{background:#f4f5f7;padding:10px;overflow:auto}.macro{color:#6b778c}a{color:#0052cc}
"""
# Nothing a page holds may run: no script source is allowed at all.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def view(wiki: WikiStore, request: Request) -> Response:
    """The rendered page of ``/pages/{id}``, readable without signing in."""
    page = wiki.pages.get(request.path_params.get("id") or request.query_params.get("pageId", ""))
    if page is None or page.status != "current":
        return answers.html("<!DOCTYPE html><title>Not found</title><p>No such page.</p>", 404)
    return answers.html(render(page), headers={"Content-Security-Policy": _POLICY})


def render(page: Page) -> str:
    """A whole HTML document with the page's title, version and content."""
    title = escape(page.title)
    labels = "".join(f" · {escape(label)}" for label in page.labels)
    files = "".join(
        f"<li>{escape(f.title)} (version {f.latest.number})</li>" for f in page.attachments.values()
    )
    shown = f"<h3>Attachments</h3><ul>{files}</ul>" if files else ""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="meta">Version {page.latest.number} by {escape(page.latest.author)}{labels}</p>'
        f"{_Renderer(page.attachments.values()).render(page.body)}{shown}</body></html>"
    )


class _Renderer:
    """Walks storage format with expat; what it does not know, it shows the text of."""

    def __init__(self, files: Iterable[Attachment] = ()) -> None:
        self.files = {file.title: file for file in files}
        self.image: dict[str, str] | None = None
        self.out: list[str] = []
        self.closers: list[str] = []
        self.macros: list[tuple[str, dict[str, str]]] = []
        self.parameter: str | None = None
        self.heard: list[str] = []

    def render(self, body: str) -> str:
        parser = expat.ParserCreate()
        parser.UseForeignDTD(True)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.SkippedEntityHandler = self._entity
        parser.Parse(WRAP.format(body), True)
        return "".join(self.out)

    def _text(self, text: str) -> None:
        if self.parameter is not None:
            self.heard.append(text)
        else:
            self.out.append(escape(text))

    def _entity(self, name: str, is_parameter: bool) -> None:
        self._text(unescape(f"&{name};"))

    def _open(self, html: str, closer: str) -> None:
        self.out.append(html)
        self.closers.append(closer)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "ac:structured-macro":
            self.macros.append((attributes.get("ac:name", ""), {}))
            self.closers.append("")
        elif name == "ac:parameter":
            self.parameter, self.heard = attributes.get("ac:name", ""), []
            self.closers.append("")
        elif name in ("ac:rich-text-body", "ac:plain-text-body"):
            self._body()
        elif name == "ac:layout-section":
            self._open('<div class="layout">', "</div>")
        elif name == "ac:layout-cell":
            self._open("<div>", "</div>")
        elif name == "time":
            self._open(f'<span class="date">{escape(attributes.get("datetime", ""))}', "</span>")
        elif name == "ac:image":
            self.image = attributes
            self.closers.append("")
        elif name == "ri:attachment" and self.image is not None:
            self._open(self._picture(attributes.get("ri:filename", "")), "")
        elif name == "ri:attachment":
            self._open(f'<span class="macro">📎 {escape(attributes.get("ri:filename", ""))}', "</span>")
        elif name == "ri:page":
            self._open(f"<em>{escape(attributes.get('ri:content-title', ''))}", "</em>")
        elif name == "ri:user":
            who = (
                attributes.get("ri:account-id")
                or attributes.get("ri:username")
                or attributes.get("ri:userkey", "")
            )
            self._open(f"<em>@{escape(who)}", "</em>")
        elif name == "a":
            self._open(f'<a href="{escape(_safe(attributes.get("href", "")))}" rel="noopener">', "</a>")
        elif name in _PLAIN:
            self._open(f"<{name}{_shape(attributes)}>", "" if name in _VOID else f"</{name}>")
        else:
            self.closers.append("")

    def _picture(self, title: str) -> str:
        """An attached image within the page itself, which may load nothing."""
        shape = self.image or {}
        file, alt = self.files.get(title), escape(shape.get("ac:alt", title))
        if file is None:
            return f'<span class="macro">🖼 {escape(title)}: {alt}</span>'
        width = f' width="{shape["ac:width"]}"' if shape.get("ac:width", "").isdigit() else ""
        data = b64encode(file.latest.data).decode()
        return f'<img alt="{alt}"{width} src="data:{escape(file.media_type)};base64,{data}">'

    def _body(self) -> None:
        name, parameters = self.macros[-1] if self.macros else ("", {})
        if name in ("code", "noformat"):
            self._open("<pre>", "</pre>")
        elif name in _PANELS:
            title = f"<strong>{escape(parameters['title'])}</strong>" if parameters.get("title") else ""
            self._open(f'<div class="panel" style="background:{_PANELS[name]}">{title}', "</div>")
        else:
            self._open("<div>", "</div>")

    def _end(self, name: str) -> None:
        self.out.append(self.closers.pop())
        if name == "ac:image":
            self.image = None
        elif name == "ac:parameter":
            if self.macros:
                self.macros[-1][1][self.parameter or ""] = "".join(self.heard)
            self.parameter = None
        elif name == "ac:structured-macro":
            macro, parameters = self.macros.pop()
            self.out.append(_bodyless(macro, parameters))


def _bodyless(name: str, parameters: dict[str, str]) -> str:
    if name == "status":
        color = _COLORS.get(parameters.get("colour", "grey").lower(), _COLORS["grey"])
        return (
            f'<span class="lozenge" style="background:{color}">{escape(parameters.get("title", ""))}</span>'
        )
    if name == "anchor":
        return f'<a id="{escape(parameters.get("", ""))}"></a>'
    if name == "toc":
        return '<p class="macro">[table of contents]</p>'
    return ""


def _safe(href: str) -> str:
    return href if re.match(r"(https?:|mailto:|/|#)", href, re.IGNORECASE) else "#"


def _shape(attributes: dict[str, str]) -> str:
    made = ""
    for name in ("colspan", "rowspan"):
        if attributes.get(name, "").isdigit():
            made += f' {name}="{attributes[name]}"'
    width = re.search(r"width:\s*(\d{1,4})(?:\.\d+)?px", attributes.get("style", ""))
    if width:
        made += f' width="{width[1]}"'
    align = re.search(r"text-align:\s*(left|right|center)", attributes.get("style", ""))
    return made + (f' style="text-align:{align[1]}"' if align else "")
