"""Damaged files: the bytes of a good one, changed as disks, networks and half-finished copies change them."""

from __future__ import annotations

import random

KINDS = ("cut", "bits", "zeros", "missing", "twice", "noise", "empty", "other")


def damaged(data: bytes, seed: int) -> bytes:
    """Return `data` damaged; the same seed damages in the same way."""
    draw = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    if kind == "empty":
        return b""
    if kind == "other":  # a file of another kind under this name
        return draw.choice([b"\x89PNG\r\n\x1a\n" + draw.randbytes(300), b"%PDF-1.7\n", draw.randbytes(999)])
    start = draw.randrange(len(data))
    end = min(len(data), start + draw.randrange(1, 1 + max(1, len(data) // 4)))
    if kind == "cut":
        return data[:start]
    if kind == "zeros":
        return data[:start] + bytes(end - start) + data[end:]
    if kind == "missing":
        return data[:start] + data[end:]
    if kind == "twice":
        return data[:end] + data[start:]
    if kind == "noise":
        return data[:start] + draw.randbytes(end - start) + data[end:]
    changed = bytearray(data)
    for _ in range(draw.choice([1, 3, 50])):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)
