"""The door into our loop: who may call, how a call is cancelled, what comes back."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from schedkit import context
from schedkit.errors import BlockingCallError, StopRequested
from schedkit.loop import blocking, bridged, live, service


class AsyncThing:
    def __init__(self) -> None:
        self.entered = threading.Event()
        self.cancelled = threading.Event()

    @bridged
    async def where(self) -> str:
        return threading.current_thread().name

    @bridged
    async def hang(self) -> None:
        self.entered.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()

    @bridged
    async def escape(self) -> None:
        raise StopRequested("out")


class Thing:
    def __init__(self) -> None:
        self.aio = AsyncThing()

    where = blocking(AsyncThing.where)
    hang = blocking(AsyncThing.hang)
    escape = blocking(AsyncThing.escape)


class Stoppable(context.Surroundings):
    def __init__(self) -> None:
        self.stopped = False
        self.callbacks: list[object] = []

    def should_stop(self) -> bool:
        return self.stopped

    def on_stop(self, callback):  # type: ignore[no-untyped-def]
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def stop(self) -> None:
        self.stopped = True
        for callback in list(self.callbacks):
            callback()  # type: ignore[operator]


def test_blocking_runs_on_our_thread() -> None:
    assert Thing().where() == "schedkit-service"


@pytest.mark.parametrize("backend", ["asyncio"])
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
    assert thing.aio.entered.wait(5)
    listener.stop()
    worker.join(5)
    assert isinstance(raised[0], StopRequested)
    assert thing.aio.cancelled.wait(5)
    with context.use(listener), pytest.raises(StopRequested):
        thing.where()


def test_cancelling_the_awaiting_task_cancels_ours() -> None:
    thing = AsyncThing()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(thing.hang)
            await anyio.to_thread.run_sync(thing.entered.wait)
            group.cancel_scope.cancel()

    anyio.run(main)
    assert thing.cancelled.wait(5)


def test_a_base_exception_does_not_end_our_loop() -> None:
    thing = Thing()
    with pytest.raises(StopRequested):
        thing.escape()
    assert thing.where() == "schedkit-service"


def test_context_variables_follow_the_call() -> None:
    class Seen(context.Surroundings):
        stages: tuple[str, ...] = ()

        def progress(self, stage: str, done: float, total: float | None) -> None:
            self.stages += (stage,)

    class AsyncReporter:
        @bridged
        async def go(self) -> None:
            context.progress("reading", 1, 2)

    class Reporter:
        def __init__(self) -> None:
            self.aio = AsyncReporter()

        go = blocking(AsyncReporter.go)

    with context.use(Seen()) as seen:
        Reporter().go()
    assert seen.stages == ("reading",)  # type: ignore[attr-defined]


def test_live_objects_are_made_once() -> None:
    made = live("test-object", object)
    assert live("test-object", object) is made
    assert service() is service()
