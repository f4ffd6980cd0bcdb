"""The view's JavaScript as one module: plain files joined at import, no build step.

A web page loads the same files as they are. A notebook hands its view over as one text, where relative
imports lead nowhere; so each file becomes a function that returns what the file exports.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["script", "style"]

ORDER = (
    "format", "dom", "parts", "store", "look", "form", "tasks", "failing", "runs", "run", "history",
    "calendar", "audit", "board", "theme",
)  # fmt: skip
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)


@cache
def script() -> str:
    """Return the notebook view as one ES module."""
    return "\n".join([*map(_module, ORDER), _imports(_read("notebook.js"))])


def _module(name: str) -> str:
    text = _read(f"{name}.js")
    exports = ", ".join(_EXPORT.findall(text))
    body = _imports(re.sub(r"^export ", "", text, flags=re.MULTILINE))
    return f"const sk_{name} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"


def _imports(text: str) -> str:
    return _IMPORT.sub(r"const \1 = sk_\2;", text)


@cache
def style() -> str:
    """Return the view's style sheet."""
    return _read("board.css")


def _read(name: str) -> str:
    return (files("schedkit") / "web" / name).read_text(encoding="utf-8")
