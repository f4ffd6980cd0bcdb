"""Damaged workbooks: whole files, and parts of them whose zip is right."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

from support.damage import damaged

KINDS = ("file", "part", "absent", "attribute", "text")
_ATTRIBUTE, _TEXT = re.compile(rb'="([^"]*)"'), re.compile(rb">([^<>]+)<")
_ODD = (b"", b"-1", b"x", b"9" * 20, b"0", b"A0", b"ZZZZ1", b"\xc3\x28", b"&amp;", b"1.5", b"NaN", b"A1:")
_ODD += (b"1e999", b"inf", "\u0663".encode(), b"&#xD800;", b"A1:B2:C3", b"$")


def damaged_workbook(data: bytes, seed: int) -> bytes:
    """Return a workbook damaged; the same seed damages in the same way."""
    draw = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    if kind == "file":
        return damaged(data, seed // len(KINDS))
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    xml = [name for name in parts if name.endswith((".xml", ".rels"))]
    part = draw.choice(xml)
    if kind == "absent":
        del parts[part]
    elif kind == "part":
        parts[part] = damaged(parts[part], seed // len(KINDS))
    else:
        pattern = _ATTRIBUTE if kind == "attribute" else _TEXT
        parts[part] = _changed(parts[part], pattern, draw.choice)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return out.getvalue()


def _changed(xml: bytes, pattern: re.Pattern[bytes], choice: Callable[..., object]) -> bytes:
    found = list(pattern.finditer(xml))
    if not found:
        return xml
    place, new = choice(found), choice(_ODD)
    assert isinstance(place, re.Match)
    assert isinstance(new, bytes)
    return xml[: place.start(1)] + new + xml[place.end(1) :]
