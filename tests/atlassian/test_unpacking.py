"""Compressed answers: whole, in several members, cut, damaged, and larger than memory should hold."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from itertools import repeat

import pytest

from schedkit.atlassian.unpacking import OversizeError, bounded, unpacked
from schedkit.values.limits import UNPACK_FREE_BYTES

TEXT = json.dumps([{"n": n, "text": random.Random(n).random()} for n in range(20_000)]).encode()


def bare(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "upper case": ("GZIP", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare),
    "two members": ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    "padding": ("gzip", lambda data: gzip.compress(data) + b"\0" * 100),
    "twice": ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("size", [1000, 120 * 1024])
@pytest.mark.parametrize("data", [b"{}", TEXT, b"\0" * 3_000_000], ids=["small", "text", "zeros"])
def test_it_becomes_what_was_packed(name: str, size: int, data: bytes) -> None:
    encoding, pack = PACKED[name]
    pieces = list(unpacked(memoryview(pack(data)), encoding, size))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= size


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare])
@pytest.mark.parametrize("missing", [1, 7, 1000])
def test_what_is_cut_short_is_not_taken_for_whole(pack: Callable[[bytes], bytes], missing: int) -> None:
    with pytest.raises(EOFError):
        list(unpacked(memoryview(pack(TEXT)[:-missing]), "gzip", 10_000))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_not_compressed_at_all_is_refused(encoding: str) -> None:
    with pytest.raises(zlib.error):
        list(unpacked(memoryview(b'{"plain": "text"}'), encoding, 10_000))


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_a_bomb_is_refused_after_a_bounded_part_of_it(encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 40_000_000)
    if "," in encoding:
        bomb = gzip.compress(bomb)
    sizes: list[int] = []
    with pytest.raises(OversizeError, match=r"answered .* bytes that unpack to more than 16 MB"):
        sizes.extend(map(len, unpacked(memoryview(bomb), encoding, 100_000)))
    assert 0 < sum(sizes) <= UNPACK_FREE_BYTES


def test_pieces_without_end_are_refused() -> None:
    with pytest.raises(OversizeError, match="answered more than 3 MB"):
        sum(map(len, bounded(repeat(b"x" * 1000), 3 * 1024 * 1024)))
