"""Timers of our loop are exact to microseconds, however many files are open."""

from __future__ import annotations

import asyncio
import os
import select
import time

import pytest

from schedkit.precise_loop import new_loop

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the system's own wait is exact")


def waits(count: int, seconds: float) -> list[float]:
    """How long so many timers of `seconds` really took."""

    async def main() -> list[float]:
        spent = []
        for _ in range(count):
            start = time.perf_counter()
            await asyncio.sleep(seconds)
            spent.append(time.perf_counter() - start)
        return spent

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main())


def test_a_timer_need_not_wait_for_the_next_millisecond() -> None:
    # epoll alone would take at least one each time, on any machine; ours must manage it once in fifty.
    spent = waits(50, 0.0002)
    assert min(spent) >= 0.0002
    assert min(spent) < 0.0009


def test_a_loop_whose_files_have_high_numbers_keeps_time_all_the_same() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip(f"this machine allows only {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    try:
        assert min(waits(3, 0.002)) >= 0.002
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_news_from_outside_end_a_wait() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        order, told = list[str](), asyncio.Event()

        def tell() -> None:
            order.append("told")
            told.set()

        loop.call_later(1.5, order.append, "timer")  # below the limit of exact waits
        loop.run_in_executor(None, lambda: loop.call_soon_threadsafe(tell))
        await told.wait()
        return order

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(main())[0] == "told"
