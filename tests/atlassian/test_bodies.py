"""Bodies in memory: few at once, unpacked one after the other, given back when they are decoded."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import numpy as np
import pytest
import urllib3

from schedkit.atlassian import Request, Site, bodies
from schedkit.atlassian.bodies import Memory, Room, opened
from schedkit.errors import BadAnswerError, UnavailableError
from schedkit.loop import service

BIG = json.dumps([{"n": n, "text": "x" * 90} for n in range(10_000)]).encode()


def answer(body: bytes, **headers: str) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(
        io.BytesIO(body), {k.replace("_", "-"): v for k, v in headers.items()}, preload_content=False
    )


@pytest.mark.parametrize("told", [True, False], ids=["length told", "length not told"])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)],
    ids=["plain", "gzip", "deflate"],
)
@pytest.mark.parametrize("body", [b"", b"{}", BIG], ids=["empty", "small", "big"])
def test_a_body_arrives_as_it_was_sent(encoding: str, pack: Any, told: bool, body: bytes) -> None:
    packed = pack(body) if body else body
    headers = {"Content_Encoding": encoding} if encoding else {}
    if told:
        headers["Content_Length"] = str(len(packed))
    lent: list[memoryview] = []

    def use(view: memoryview) -> bytes:
        lent.append(view)
        return bytes(view)

    assert opened(answer(packed, **headers), use) == body
    assert (bodies.room.lent, bodies.room.held) == (0, 0)
    with pytest.raises(ValueError, match="released"):
        bytes(lent[0])  # gone: what was made of it is all that is left


def test_memory_grows_and_can_be_filled_again() -> None:
    memory = Memory()
    pieces = [bytes([n]) * 100_000 for n in range(20)]
    assert bytes(memory.fill(pieces)) == b"".join(pieces)
    large = address(memory.fill(pieces))
    assert bytes(memory.fill([b"short"], 3)) == b"short"
    assert address(memory.fill([b"short"], 3)) == large
    assert bytes(memory.fill([b"ab", b"cd"], 10_000_000)) == b"abcd"
    assert memory.weight == 2_000_000
    memory.close()


@pytest.mark.parametrize("again", [[b"new"], [b"x" * 500_000, b"y" * 500_000]], ids=["small", "growing"])
@pytest.mark.parametrize("expected", [0, 10_000_000], ids=["", "large"])
@pytest.mark.parametrize(
    "kept", [lambda view: view[:3], lambda view: np.frombuffer(view, np.uint8)], ids=["part", "array"]
)
def test_memory_that_a_traceback_still_has_a_view_of_can_be_filled_again(
    kept: Callable[[memoryview], Any], expected: int, again: list[bytes]
) -> None:
    memory = Memory()
    left = kept(memory.fill([b"old"]))
    assert bytes(memory.fill(again, expected)) == b"".join(again)
    memory.close()
    assert len(bytes(left)) == 3, "it is readable"


def address(view: memoryview) -> int:
    """Return where in memory the bytes are."""
    return int(np.frombuffer(view, np.uint8).ctypes.data)


def assert_given_back(memory: Memory) -> None:
    with pytest.raises(ValueError, match="closed"):
        memory.fill([b"x"])


def entered(room: Room, size: int, leave: threading.Event) -> threading.Event:
    """Let another thread take room until `leave`; the event tells that it is in."""
    inside = threading.Event()

    def work() -> None:
        with room.take(size):
            inside.set()
            leave.wait(60)

    threading.Thread(target=work, daemon=True).start()
    return inside


def test_a_body_waits_until_there_is_room() -> None:
    room, leave = Room(100, patience=3600), threading.Event()
    assert entered(room, 60, leave).wait(60)
    assert entered(room, 30, leave).wait(60)
    third = entered(room, 60, leave)
    assert entered(room, 10, leave).wait(60)  # fits beside the others
    assert entered(room, 0, leave).wait(60)  # waits for nobody
    assert not third.is_set()
    assert room.held == 100
    leave.set()
    assert third.wait(60)


def test_two_bodies_are_in_at_once_though_together_they_are_too_large() -> None:
    room, leave = Room(100, patience=3600), threading.Event()
    assert entered(room, 100, leave).wait(60)
    assert entered(room, 100, leave).wait(60)
    third = entered(room, 1, leave)
    assert not third.wait(0.05)
    assert (room.held, room.bodies) == (200, 2)
    leave.set()
    assert third.wait(60)


def test_a_body_larger_than_all_the_room_comes_in_alone() -> None:
    room, leave = Room(100, patience=3600), threading.Event()
    assert entered(room, 500, leave).wait(60)
    small = entered(room, 1, leave)
    assert not small.wait(0.05)
    leave.set()
    assert small.wait(60)


def test_patience_ends() -> None:
    room, leave = Room(100, patience=0.01), threading.Event()
    for _ in range(3):
        assert entered(room, 100, leave).wait(60)  # although the others have not left
    leave.set()


def test_pages_are_used_again_while_bodies_come_and_given_back_then() -> None:
    room = Room(1_000_000, patience=3600)
    with room.take(10) as outer:
        with room.take(10) as first:
            first.fill([b"x"])
        with room.take(10) as second:
            assert second is first
            second.fill([b"x" * 2_000_000])
        assert_given_back(second)
        with room.take(10) as third:
            assert third is not second  # so much is not kept in reserve
        assert outer is not third
    assert_given_back(third)
    assert_given_back(outer)


def test_memory_that_became_large_stays_with_large_bodies() -> None:
    room = Room(1_000_000, patience=3600)
    with room.take(10) as outer:
        with room.take(0, "unpacked") as large:
            large.fill([b"x" * 900_000])
        with room.take(10) as small:
            assert small is not large
        with room.take(0, "unpacked") as again:
            assert again is large
        assert outer is not small


def test_one_body_is_decoded_at_once(scripted) -> None:
    site = Site(scripted.url, concurrency=8)
    two = threading.Barrier(2)
    seen: list[int] = []
    lock, under_way = threading.Lock(), 0

    def decode(body: Any) -> int:
        nonlocal under_way
        with lock:
            under_way += 1
            seen.append(under_way)
        # A second would let both of them pass.
        with suppress(threading.BrokenBarrierError):
            two.wait(0.1)
        with lock:
            under_way -= 1
        return len(body)

    scripted.script = lambda asked, n: scripted.reply(200, BIG)

    async def all_at_once() -> list[int]:
        sizes = []

        async def one() -> None:
            sizes.append((await site.send(Request("GET", "/rest/x", decode=decode))).value)

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(one)
        return sizes

    assert service().call(all_at_once) == [len(BIG)] * 8
    assert max(seen) == 1
    assert (bodies.room.lent, bodies.room.held) == (0, 0)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"body": BIG, "cut": 1000}, UnavailableError),
        ({"body": b"[1, 2"}, BadAnswerError),
        ({"body": BIG, "status": 500}, UnavailableError),
    ],
    ids=["cut", "no JSON", "500"],
)
def test_nothing_is_held_after_a_failure(scripted, reply: dict[str, Any], error: type[Exception]) -> None:
    scripted.script = lambda asked, n: scripted.reply(**reply)
    with pytest.raises(error) as caught:
        service().call(Site(scripted.url, retries=0).send, Request("GET", "/rest/x"))
    assert caught.traceback
    assert (bodies.room.lent, bodies.room.held) == (0, 0)
    # The turn to decode is free as well.
    scripted.script = lambda asked, n: scripted.reply()
    for _ in range(2):
        service().call(Site(scripted.url).send, Request("GET", "/rest/x"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_reads_with_a_thread_and_room_of_its_own() -> None:
    assert opened(answer(b"[1]"), bytes) == b"[1]"  # the thread runs
    leave = threading.Event()
    assert entered(bodies.room, bodies.MOST, leave).wait(60)
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if opened(answer(b"[1]"), bytes) == b"[1]" and not bodies.room.lent else 1)
    leave.set()
    assert os.waitpid(child, 0)[1] == 0


LEFT_RUNNING = """
import threading
from schedkit.atlassian import Request, Site
from schedkit.loop import service
main = threading.main_thread()
def work():
    main.join()
    print(service().call(Site({url!r}).send, Request("GET", "/rest/x")).value)
threading.Thread(target=work).start()
"""


def test_threads_that_a_script_left_running_can_still_read(scripted) -> None:
    code = LEFT_RUNNING.format(url=scripted.url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == "{'ok': True}", done.stderr


def test_decoding_is_done_in_one_thread(scripted) -> None:
    site = Site(scripted.url)
    threads = {
        service()
        .call(site.send, Request("GET", "/rest/x", decode=lambda body: threading.current_thread()))
        .value
        for _ in range(3)
    }
    assert [thread.name for thread in threads] == ["schedkit-decode"]


def test_the_connection_is_used_again(scripted) -> None:
    site = Site(scripted.url)
    packed = scripted.reply(
        200, gzip.compress(BIG), {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    )
    replies = [scripted.reply(), scripted.reply(200, BIG), packed, scripted.reply(204, b""), scripted.reply()]
    scripted.script = lambda asked, n: replies[n]
    for _ in replies:
        service().call(site.send, Request("GET", "/rest/x"))
    assert len({asked.port for asked in scripted.asked}) == 1
