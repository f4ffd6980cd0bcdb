"""Workbooks changed after they were written, as people and other programs change them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

SHEET = "xl/worksheets/sheet1.xml"


def patched(path: Path, part: str, *changes: tuple[str, str]) -> Path:
    """Change the XML of one part."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text = parts[part].decode()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        assert count, pattern
    parts[part] = text.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def retyped(path: Path, cell: str, text: str) -> Path:
    """Type a text over a cell of the first sheet."""
    pattern = rf'<c r="{cell}"([^>]*?)(?: t="\w+")?(?:/>|>.*?</c>)'
    return patched(path, SHEET, (pattern, rf'<c r="{cell}"\1 t="inlineStr"><is><t>{text}</t></is></c>'))
