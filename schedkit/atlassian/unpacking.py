"""Unpacking compressed answers piece by piece, within a bound."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

from schedkit.values.limits import MAX_ANSWER_BYTES, unpacked_limit

__all__ = ["OversizeError", "bounded", "unpacked"]

_MEGABYTE = 1024 * 1024
_GZIP = b"\x1f\x8b"
# What is not unpacked yet is copied at each step, so that it must be little.
_BITE = 16 * 1024


class OversizeError(Exception):
    """More bytes than an answer may have; its text goes after the name of the request."""


def bounded(pieces: Iterator[bytes], most: int = MAX_ANSWER_BYTES) -> Iterator[bytes]:
    """Yield the pieces of an answer as it arrives.

    Raises
    ------
    OversizeError
        If there are more than `most` bytes.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise OversizeError(f"answered more than {most // _MEGABYTE} MB")
        yield piece


def unpacked(body: memoryview, encoding: str, size: int) -> Iterator[bytes]:
    """Yield what a compressed body holds, in pieces of about `size` bytes.

    Parameters
    ----------
    encoding : str
        Of its ``Content-Encoding`` header.

    Raises
    ------
    OversizeError
        If it becomes more than `values.limits` allows.
    EOFError, zlib.error
        If it is cut short or damaged.
    urllib3.exceptions.HTTPError
        If an encoding other than gzip and deflate cannot be unpacked.
    """
    if encoding.strip().lower() in ("gzip", "x-gzip", "deflate"):
        pieces = _inflated(body, size)
    else:
        pieces = _by_urllib3(body, encoding, size)
    most = unpacked_limit(len(body))
    try:
        yield from bounded(pieces, most)
    except OversizeError:
        raise OversizeError(
            f"answered {len(body):,} bytes that unpack to more than {most // _MEGABYTE} MB"
        ) from None


def _inflated(body: memoryview, size: int) -> Iterator[bytes]:
    at = 0
    while not at or bytes(body[at : at + 2]) == _GZIP:  # gzip may have several members; others are padding
        inflate = zlib.decompressobj(_window(bytes(body[at : at + 2])))
        while not inflate.eof:
            packed = body[at : at + _BITE]
            piece = inflate.decompress(packed, size)
            at += len(packed) - len(inflate.unconsumed_tail) - len(inflate.unused_data)
            if not piece and at >= len(body) and not inflate.eof:
                # urllib3 takes such a body for whole.
                raise EOFError("the end of the compressed data is missing")
            yield piece


def _window(first: bytes) -> int:
    """Return zlib's `wbits`, by the first two bytes: for gzip, zlib, or deflate without a header."""
    if first == _GZIP:
        return 31
    return 15 if first[0] & 15 == 8 and int.from_bytes(first, "big") % 31 == 0 else -15


def _by_urllib3(body: memoryview, encoding: str, size: int) -> Iterator[bytes]:
    import urllib3

    response = urllib3.HTTPResponse(io.BytesIO(body), {"Content-Encoding": encoding}, preload_content=False)
    yield from response.stream(size)
