"""The library's own event loop in a daemon thread, and the only way to call into it.

Everything in the library that waits (clock, ledger, leases, site I/O) runs on this loop; users' code
never does, so neither a blocking cell nor a blocking task delays it. Two decorators make the async and
the blocking form of a method: `on_own_loop` lets any loop await it, `blocking` derives the plain method that
analysts call.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from types import FrameType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import anyio
import anyio.abc
import anyio.from_thread
import anyio.to_thread

from schedkit import context
from schedkit.errors import BlockingCallError, StopRequested
from schedkit.precise_loop import new_loop
from schedkit.values.forks import register_fork_hook
from schedkit.values.keywords import Keywords

__all__ = [
    "ServiceLoop",
    "awaited",
    "blocking",
    "on_own_loop",
    "patiently",
    "process_singleton",
    "process_singletons",
    "refuse_in_coroutine",
    "service",
    "task_group",
    "wait",
]

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

# A cell that awaits would ignore Interrupt until its loop wakes (measured: 6 s instead of 1 s).
HEARTBEAT_SECONDS = 0.1


class HasAio(Protocol[S_co]):
    """An object whose async API is its ``aio`` attribute."""

    @property
    def aio(self) -> S_co: ...


def process_singleton(name: str, factory: Callable[[], T]) -> T:
    """Return the process-wide object `name`, made by `factory` at first use.

    Kept outside the package, where IPython's autoreload cannot reset it.
    """
    with _live_lock:
        objects: dict[str, Any] = sys.__dict__.setdefault("_schedkit_live", {})
        if name not in objects:
            objects[name] = factory()
        return cast(T, objects[name])


def process_singletons(prefix: str) -> list[Any]:
    """Return the process-wide objects whose name begins with `prefix`."""
    with _live_lock:
        objects: dict[str, Any] = sys.__dict__.get("_schedkit_live", {})
        return [thing for name, thing in objects.items() if name.startswith(prefix)]


_live_lock = threading.RLock()


class ServiceLoop:
    """One daemon thread running one event loop for all of schedkit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._portal: anyio.from_thread.BlockingPortal | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        register_fork_hook(self.forked)

    def forked(self) -> None:
        """In a forked child: the thread stayed with the parent, so nothing must wait for it."""
        self._lock = threading.Lock()
        self._portal = self._thread = self._loop = None

    @property
    def thread(self) -> threading.Thread | None:
        """The loop's thread, None before the first use."""
        return self._thread

    def portal(self) -> anyio.from_thread.BlockingPortal:
        """Return the running portal, starting the thread if need be."""
        with self._lock:
            if self._portal is None:
                ready: Future[None] = Future()
                self._thread = threading.Thread(
                    target=self._run, args=(ready,), name="schedkit-service", daemon=True
                )
                self._thread.start()
                ready.result()
            assert self._portal is not None
            return self._portal

    def _run(self, ready: Future[None]) -> None:
        async def main() -> None:
            async with anyio.from_thread.BlockingPortal() as portal:
                self._loop = asyncio.get_running_loop()
                self._portal = portal
                ready.set_result(None)
                await portal.sleep_until_stopped()

        try:
            anyio.run(main, backend_options={"loop_factory": new_loop})
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
        finally:
            self._portal = self._loop = None

    def here(self) -> bool:
        """Tell whether the caller runs on this loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def submit(self, fn: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> Future[T]:
        """Start ``fn(*args, **kwargs)`` on the loop, in a copy of the caller's context.

        Cancelling the returned future cancels the coroutine.
        """
        return self.portal().start_task_soon(functools.partial(_guarded, fn, *args, **kwargs))

    def call(self, fn: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Run ``fn(*args, **kwargs)`` on the loop and wait for it, obeying Interrupt and stop requests."""
        if self.here():
            raise BlockingCallError(getattr(fn, "__qualname__", "call"))
        context.checkpoint()
        return wait(self.submit(fn, *args, **kwargs))

    async def call_async(self, fn: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Await ``fn(*args, **kwargs)`` on our loop from whichever loop the caller runs on."""
        if self.here():
            return await fn(*args, **kwargs)
        future = self.submit(fn, *args, **kwargs)
        try:
            if _on_asyncio():
                return await patiently(future)
            return await anyio.to_thread.run_sync(_unwrapped, future.result, abandon_on_cancel=True)
        finally:
            future.cancel()

    def stop(self, timeout: float = 3.0) -> None:
        """Cancel everything on the loop and end its thread, waiting at most `timeout` seconds."""
        portal, thread = self._portal, self._thread
        if portal is None or thread is None or threading.current_thread() is thread:
            return
        with contextlib.suppress(RuntimeError):  # it has just ended by itself
            portal.start_task_soon(portal.stop, True)
        thread.join(timeout)


async def _guarded(fn: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    try:
        return await fn(*args, **kwargs)
    except (Exception, asyncio.CancelledError) as error:
        _forget_groups(error)
        raise
    except BaseException as error:
        # A BaseException in the portal's task group would end our loop for everyone.
        raise _EscapedError(error) from None


def _forget_groups(error: BaseException) -> None:
    """Cut off the task groups that an error came through.

    IPython shows an error with a group among its contexts in full length and not as a cell's error.
    """
    last = error
    while last.__context__ is not None:
        if isinstance(last.__context__, BaseExceptionGroup):
            last.__context__ = None
            return
        last = last.__context__


class _EscapedError(Exception):
    """Carries a BaseException past the portal."""


def _unwrapped(result: Callable[[], T]) -> T:
    try:
        return result()
    except _EscapedError as escaped:
        raise escaped.args[0] from None


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def awaited(answer: Future[T]) -> T:
    """Await what another thread will answer, on the running asyncio loop."""
    return await asyncio.wrap_future(answer)


async def patiently(answer: Future[T]) -> T:
    """Await an answer on a user's asyncio loop, which wakes so often that Interrupt is heard."""
    wrapped = asyncio.wrap_future(answer)
    while not wrapped.done():
        await asyncio.wait([wrapped], timeout=HEARTBEAT_SECONDS)
    return _unwrapped(wrapped.result)


class Waitable(Protocol[S_co]):
    """What one can wait for on a thread: a future, or what looks like one."""

    def result(self, timeout: float | None = None) -> S_co: ...

    def done(self) -> bool: ...

    def cancel(self) -> bool: ...


def wait(future: Waitable[T], meanwhile: Callable[[], object] = bool) -> T:
    """Wait for `future`; Interrupt and a stop request of the surrounding run cancel it.

    Parameters
    ----------
    meanwhile : callable
        Called twice a second while there is no answer; what it raises ends the wait.

    Raises
    ------
    StopRequested
        If the surrounding run was asked to stop.
    """
    surroundings = context.current()
    unsubscribe = surroundings.on_stop(future.cancel)
    try:
        if surroundings.should_stop():  # asked between the call's beginning and our subscription
            future.cancel()
        while True:
            answered = future.done()  # asked before: it may be answered just after the wait has run out
            try:
                # A bounded wait, because an unbounded one cannot be interrupted on Windows.
                return future.result(0.5)
            except _EscapedError as escaped:
                raise escaped.args[0] from None
            except TimeoutError:
                if answered:
                    raise
                if not future.done():
                    meanwhile()
            except CancelledError:
                if surroundings.should_stop():
                    raise StopRequested("the run was asked to stop") from None
                raise
    except KeyboardInterrupt:
        future.cancel()
        raise
    finally:
        unsubscribe()


def refuse_in_coroutine(name: str, instead: str = "") -> None:
    """Raise `BlockingCallError`, which says what to write `instead`, if a user's coroutine calls.

    A notebook cell runs inside the kernel's loop too, and may block: only frames of coroutines that are
    neither a cell's own code nor the kernel's machinery count.
    """
    if not _on_asyncio():
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "").partition(".")[0]
        if module == "asyncio" and code.co_name == "_run":
            return
        if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            if module in _KERNEL_MODULES or code.co_name.startswith("<"):
                return
            raise BlockingCallError(name, instead)
        frame = frame.f_back


_KERNEL_MODULES = {"IPython", "ipykernel", "tornado", "nbclient", "jupyter_client"}


def on_own_loop(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Decorate an async method so that any loop may await it: its body always runs on our loop."""

    keywords = Keywords(method)

    @functools.wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        keywords.check(args, kwargs, type(self))
        try:
            return await service().call_async(method, self, *args, **kwargs)
        except Exception as error:
            keywords.explain(error, args, kwargs, type(self))
            raise

    return call


def blocking(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[HasAio[S], P], T]:
    """Derive a blocking method from the async one of the object's ``aio`` attribute.

    Examples
    --------
    >>> class AsyncGreeter:
    ...     @on_own_loop
    ...     async def greet(self, name: str) -> str:
    ...         return f"hello {name}"
    >>> class Greeter:
    ...     def __init__(self) -> None:
    ...         self.aio = AsyncGreeter()
    ...     greet = blocking(AsyncGreeter.greet)
    >>> Greeter().greet("world")
    'hello world'
    """

    keywords = Keywords(method)

    @functools.wraps(method)
    def call(self: HasAio[S], /, *args: P.args, **kwargs: P.kwargs) -> T:
        keywords.check(args, kwargs, type(self))
        refuse_in_coroutine(f"{type(self).__name__}.{method.__name__}")
        try:
            with context.surrounded():
                return service().call(method, self.aio, *args, **kwargs)
        except Exception as error:
            keywords.explain(error, args, kwargs, type(self))
            raise

    # functools.wraps copies the coroutine mark of nothing, but __wrapped__ would make
    # inspect.iscoroutinefunction-style checks and help() show an async signature.
    del call.__wrapped__
    call.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]  # inspect reads it
    return call


@contextlib.asynccontextmanager
async def task_group() -> AsyncIterator[anyio.abc.TaskGroup]:
    """A task group that raises the first failure itself instead of a group of them."""
    try:
        async with anyio.create_task_group() as group:
            yield group
    except BaseExceptionGroup as several:
        error: BaseException = several
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def service() -> ServiceLoop:
    """Return the process's service loop."""
    return process_singleton("service", _make_service)


def _make_service() -> ServiceLoop:
    made = ServiceLoop()
    # A daemon thread left running at interpreter exit can hang; cancelled and joined it ends in 0.3 s.
    atexit.register(made.stop)
    return made


def _forget_after_fork() -> None:
    # Threads do not survive a fork; the child makes its own objects at first use.
    sys.__dict__.pop("_schedkit_live", None)


register_fork_hook(_forget_after_fork)
