"""The door into our loop: who may call, how a call is cancelled, what comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

import anyio
import pytest

from schedkit import context
from schedkit.errors import BlockingCallError, StopRequested
from schedkit.loop import (
    ServiceLoop,
    blocking,
    on_own_loop,
    process_singleton,
    refuse_in_coroutine,
    service,
    wait,
)


class AsyncThing:
    def __init__(self) -> None:
        self.entered = threading.Event()
        self.cancelled = threading.Event()

    @on_own_loop
    async def where(self) -> str:
        return threading.current_thread().name

    @on_own_loop
    async def hang(self) -> None:
        self.entered.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()

    @on_own_loop
    async def escape(self) -> None:
        raise StopRequested("out")

    @on_own_loop
    async def late(self) -> None:
        raise TimeoutError("its own")

    @on_own_loop
    async def blocks(self) -> str:
        return Thing().where()


class Thing:
    def __init__(self) -> None:
        self.aio = AsyncThing()

    where = blocking(AsyncThing.where)
    hang = blocking(AsyncThing.hang)
    escape = blocking(AsyncThing.escape)
    late = blocking(AsyncThing.late)
    blocks = blocking(AsyncThing.blocks)


class Stoppable(context.ExecutionContext):
    def __init__(self) -> None:
        self.stopped = False
        self.callbacks: list[object] = []

    def should_stop(self) -> bool:
        return self.stopped

    def on_stop(self, callback):
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def stop(self) -> None:
        self.stopped = True
        for callback in list(self.callbacks):
            callback()


def test_blocking_runs_on_our_thread() -> None:
    assert Thing().where() == "schedkit-service"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_aio_runs_on_our_thread_from_any_loop(backend: str) -> None:
    assert anyio.run(AsyncThing().where, backend=backend) == "schedkit-service"


def test_blocking_refuses_inside_a_coroutine_and_names_the_way_out() -> None:
    async def user_code() -> None:
        Thing().where()

    with pytest.raises(BlockingCallError, match=r"Thing\.where\(\) blocks.*aio\.where"):
        asyncio.run(user_code())


def test_a_stop_request_cancels_the_call_and_raises_in_the_task() -> None:
    thing, listener = Thing(), Stoppable()
    raised: list[BaseException] = []

    def task() -> None:
        with context.use(listener):
            try:
                thing.hang()
            except BaseException as error:
                raised.append(error)

    worker = threading.Thread(target=task)
    worker.start()
    assert thing.aio.entered.wait(60)
    listener.stop()
    worker.join(60)
    assert isinstance(raised[0], StopRequested)
    assert thing.aio.cancelled.wait(60)
    with context.use(listener), pytest.raises(StopRequested):
        thing.where()


def test_a_stop_request_before_anyone_listened_is_not_lost() -> None:
    listener = Stoppable()
    listener.stopped = True
    with context.use(listener), pytest.raises(StopRequested):
        wait(Future())


def test_cancelling_the_awaiting_task_cancels_ours() -> None:
    thing = AsyncThing()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(thing.hang)
            await anyio.to_thread.run_sync(thing.entered.wait)
            group.cancel_scope.cancel()

    anyio.run(main)
    assert thing.cancelled.wait(60)


def test_a_base_exception_does_not_end_our_loop() -> None:
    thing = Thing()
    with pytest.raises(StopRequested):
        thing.escape()
    assert thing.where() == "schedkit-service"


def test_context_variables_follow_the_call() -> None:
    class Seen(context.ExecutionContext):
        stages: tuple[str, ...] = ()

        def progress(self, stage: str, done: float, total: float | None) -> None:
            self.stages += (stage,)

    class AsyncReporter:
        @on_own_loop
        async def go(self) -> None:
            context.progress("reading", 1, 2)

    class Reporter:
        def __init__(self) -> None:
            self.aio = AsyncReporter()

        go = blocking(AsyncReporter.go)

    with context.use(Seen()) as seen:
        Reporter().go()
    assert seen.stages == ("reading",)


def test_live_objects_are_made_once() -> None:
    made = process_singleton("test-object", object)
    assert process_singleton("test-object", object) is made
    assert service() is service()


def test_an_error_of_the_call_is_not_taken_for_the_wait() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        Thing().late()


def test_a_slow_call_is_waited_for() -> None:
    done: Future[int] = Future()
    threading.Timer(0.6, done.set_result, [3]).start()
    assert wait(done) == 3


class JustAfter(Future[int]):
    """Answered in the instant in which a wait for it has run out."""

    def __init__(self, answer: Callable[[Future[int]], None]) -> None:
        super().__init__()
        self._to_come = [answer]

    def result(self, timeout: float | None = None) -> int:
        try:
            return super().result(0)
        except TimeoutError:
            while self._to_come:
                self._to_come.pop()(self)
            raise


def test_an_answer_that_comes_just_after_a_wait_counts() -> None:
    assert wait(JustAfter(lambda future: future.set_result(3))) == 3
    with pytest.raises(TimeoutError, match="its own"):
        wait(JustAfter(lambda future: future.set_exception(TimeoutError("its own"))))


def test_a_future_cancelled_by_others_says_so() -> None:
    done: Future[int] = Future()
    done.cancel()
    with pytest.raises(CancelledError):
        wait(done)


def test_interrupt_cancels_the_call() -> None:
    class Interrupted(Future[None]):
        def result(self, timeout: float | None = None) -> None:
            raise KeyboardInterrupt

    future = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        wait(future)
    assert future.cancelled()


def test_our_own_loop_refuses_to_wait_for_itself() -> None:
    with pytest.raises(BlockingCallError, match=r"aio\.where"):
        Thing().blocks()

    async def call() -> None:
        service().call(AsyncThing().where)

    with pytest.raises(BlockingCallError):
        service().submit(call).result(60)


def test_a_cells_own_code_may_block() -> None:
    """A cell runs inside the kernel's loop; its top-level coroutine is not a user's coroutine."""
    kernel_globals = {"__name__": "ipykernel.kernelbase", "refuse": refuse_in_coroutine}
    exec("async def run():\n    refuse('f')\n", kernel_globals)
    asyncio.run(kernel_globals["run"]())

    async def sync_callback() -> None:
        ran: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: ran.set_result(refuse_in_coroutine("f")))
        await ran

    asyncio.run(sync_callback())


def test_stop_ends_the_thread_and_the_next_call_starts_another() -> None:
    loop = ServiceLoop()
    loop.stop()
    assert loop.thread is None

    async def name() -> str:
        return threading.current_thread().name

    assert loop.call(name) == "schedkit-service"
    first = loop.thread
    assert first is not None
    loop.stop()
    assert not first.is_alive()
    loop.stop()
    assert loop.call(name) == "schedkit-service"
    assert loop.thread is not first
    loop.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_makes_its_own_loop() -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")
from schedkit.loop import service
async def pid(): return os.getpid()
assert service().call(pid) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if service().call(pid) == os.getpid() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_loop_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("too many open files")

    async def nothing() -> None: ...

    loop = ServiceLoop()
    with monkeypatch.context() as patch:
        patch.setattr(anyio, "run", fail)
        with pytest.raises(OSError, match="too many open files"):
            loop.call(nothing)
    loop.call(nothing)
    loop.stop()


def test_an_error_comes_without_the_task_groups_it_went_through() -> None:
    async def inner() -> None:
        raise KeyError("lost")

    async def outer() -> None:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(inner)
        except BaseExceptionGroup as group_error:
            # Raised while the group is handled, so the group becomes the context.
            raise ValueError("told") from group_error.exceptions[0]

    async def twice() -> None:
        try:
            await outer()
        except ValueError:
            raise RuntimeError("again")  # noqa: B904 - the context is what is tested

    with pytest.raises(ValueError, match="told") as caught:
        service().call(outer)
    assert caught.value.__context__ is None
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(RuntimeError, match="again") as again:
        service().call(twice)
    assert isinstance(again.value.__context__, ValueError)
    assert again.value.__context__.__context__ is None
