"""The pages of the server: the board, and pages that need no script: sign-in, audit log, documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from schedkit.core.store.audit import AuditRow

__all__ = ["LOGIN_SCRIPT", "STYLE", "audit", "board", "documentation", "login"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .75rem .25rem 0;
  vertical-align: top; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; } button { font: inherit; }
details { border-top: 1px solid #d0d7de; padding: .4rem 0; } summary { cursor: pointer; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { background: #f6f8fa; padding: .6rem; overflow: auto; }
.method { display: inline-block; width: 4rem; font-weight: 600; } .bad { color: #b3261e; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3; } pre { background: #161b22; }
  details { border-color: #30363d; }
  .bad { color: #ff8b80; } a { color: #6cb6ff; } }
"""
# What an address says after "#" stays in the browser: the form takes it along, and so does the answer.
LOGIN_SCRIPT = """document.querySelector("form").action += location.hash;
"""


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="style.css"></head><body><h1>{escape(title)}</h1>{body}</body></html>'
    )


def board(modules: Iterable[str]) -> str:
    """Return the page of the board; `modules` are its scripts, which are all loaded at once."""
    preloads = "".join(f'<link rel="modulepreload" href="web/{escape(name)}">' for name in modules)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>schedkit</title><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="web/board.css"><link rel="stylesheet" href="web/page.css">'
        f"{preloads}</head><body>"
        '<main id="board"><noscript>The board needs JavaScript.</noscript></main>'
        '<footer><a href="docs">REST interface</a>'
        '<form method="post" action="logout" hidden><button>Sign out</button></form></footer>'
        '<script type="module" src="web/page.js"></script></body></html>'
    )


def login(problem: str = "") -> str:
    """Return a form that takes a token; `problem` says why the last one was refused."""
    told = f'<p class="bad" role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "schedkit: sign in",
        f'{told}<form method="post" action="login"><p><label for="token">Token</label>'
        '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>'
        "</p><p><button>Sign in</button></p></form>"
        '<script src="login.js"></script>'
        "<p><code>schedkit token new NAME</code> makes a token.</p>",
    )


def audit(rows: Iterable[AuditRow], following: int) -> str:
    """Return who did what, newest first; `following` is where the next page begins, 0 if there is none."""
    table = _table(
        (
            map(
                escape,
                (row.at.isoformat(sep=" ", timespec="seconds"), row.actor, row.action, row.task, row.run),
            )
            for row in rows
        ),
        ("When", "Who", "What", "Task", "Run"),
    )
    more = f' · <a href="?before={following}">older</a>' if following else ""
    return _page(
        "schedkit: audit log", f'<p><a href="?format=csv&amp;limit=1000">as CSV</a>{more}</p>{table}'
    )


def documentation(document: Mapping[str, Any]) -> str:
    """Return an OpenAPI document as a page."""
    info = document["info"]
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = next(iter(operation.get("tags", ())), "other")
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    parts = "".join(
        f"<h2>{escape(tag)}</h2>{''.join(operations)}" for tag, operations in sorted(by_tag.items())
    )
    shapes = "".join(
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary>{_code(shape)}</details>'
        for name, shape in document["components"]["schemas"].items()
    )
    return _page(
        f"schedkit {info['version']}: REST interface",
        f'<p>{escape(info["description"])} <a href="openapi.json">openapi.json</a></p>{parts}'
        f"<h2>Shapes</h2>{shapes}",
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    given = _table(
        (
            f"<code>{escape(one['name'])}</code>",
            escape(one["in"]) + (", required" if one.get("required") else ""),
            escape(one.get("description", "")),
        )
        for one in operation.get("parameters", ())
    )
    answers = _table(
        (escape(status), _media(answer), escape(answer.get("description", "")))
        for status, answer in operation["responses"].items()
    )
    taken = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = f"<p>Body: {_name(taken['schema'])}</p>" if taken else ""
    if taken and "example" in taken:
        body += _code(taken["example"])
    return (
        f'<details><summary><span class="method">{escape(method.upper())}</span> <code>{escape(path)}</code>'
        f" {escape(operation.get('description', ''))}</summary>{given}{body}<p>Answers</p>{answers}</details>"
    )


def _table(rows: Iterable[Iterable[str]], heads: Iterable[str] = ()) -> str:
    """Return a table; the cells are HTML."""
    top = "".join(f"<th>{head}</th>" for head in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{lines}</tbody></table>"


def _media(answer: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{escape(kind)} {_name(content.get('schema', {}))}"
        for kind, content in answer.get("content", {}).items()
    )


def _name(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("$ref") or schema.get("items", {}).get("$ref") or "").rpartition("/")[2]
    several = " list" if "items" in schema else ""
    return f'<a href="#{escape(name)}">{escape(name)}</a>{several}' if name else ""


def _code(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
