"""What a task raises in another process is told, and decides about retries, as it does in a thread."""

from __future__ import annotations

import dataclasses
import threading
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from email.message import Message
from typing import Any, NoReturn

import pytest

from schedkit import Retry
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.failures import Failure, error_facts


class NeedsTwoError(Exception):
    """Cannot be made again from its `args`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int
    text: str = dataclasses.field(default="", kw_only=True)


def raises_needs_two() -> NoReturn:
    raise NeedsTwoError(7, "seven")


def raises_plainly() -> NoReturn:
    raise ValueError("plain")


def quick() -> int:
    return 1


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(params=["thread", "process", "pool"])
def place(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("pool") if request.param == "pool" else request.param


def test_the_traceback_is_that_of_the_task(sched: Scheduler, place: Any) -> None:
    run = sched.task(name="t", runs_in=place)(raises_plainly).submit().wait(60)
    assert run.error is not None
    assert (run.error["type"], run.error["message"]) == ("ValueError", "plain")
    lines = run.error["traceback"].splitlines()
    assert __file__ in lines[1]
    assert "raises_plainly" in lines[1]
    assert "schedkit/core/execution" not in run.error["traceback"]


@pytest.mark.parametrize(
    ("rules", "attempts"),
    [({"on": NeedsTwoError}, 2), ({"on": OSError}, 1), ({"on": Exception, "give_up_on": NeedsTwoError}, 1)],
)
def test_an_exception_that_cannot_be_made_again_is_retried_by_its_type(
    sched: Scheduler, place: Any, rules: dict[str, Any], attempts: int
) -> None:
    retry = Retry(2, delay=0, **rules)
    caught: list[BaseException] = []
    told = threading.Event()

    def on_failure(error: BaseException) -> None:
        caught.append(error)
        told.set()

    task = sched.task(name="t", runs_in=place, retry=retry, on_failure=on_failure)(raises_needs_two)
    run = task.submit().wait(60)
    assert run.attempt == attempts
    assert run.error is not None
    assert (run.error["type"], run.error["message"]) == ("NeedsTwoError", "7 seven")
    assert told.wait(60)
    assert isinstance(caught[0], NeedsTwoError)
    assert (str(caught[0]), caught[0].code) == ("7 seven", 7)


def test_a_failure_does_not_break_the_pool(sched: Scheduler, pool: ProcessPoolExecutor) -> None:
    sched.task(name="bad", runs_in=pool)(raises_needs_two).submit().wait(60)
    assert sched.task(name="good", runs_in=pool)(quick).submit().result(60) == 1


def test_a_value_that_cannot_leave_a_pool_is_named(sched: Scheduler, pool: ProcessPoolExecutor) -> None:
    run = sched.task(name="t", runs_in=pool)(lambda: threading.Lock()).submit().wait(60)
    assert run.error is not None
    assert run.error["type"] == "TypeError"
    assert "what it returned, of type lock, cannot leave its process" in run.error["message"]


def test_a_failure_in_a_pool_loses_no_notes(sched: Scheduler, pool: ProcessPoolExecutor) -> None:
    def tells() -> None:
        from schedkit import context

        context.log("said before")
        raise KeyError("x")

    run = sched.task(name="t", runs_in=pool)(tells).submit()
    run.wait(60)
    assert run.log == ["said before"]


def test_an_exception_of_a_type_made_in_a_cell_keeps_its_type(sched: Scheduler) -> None:
    class CellError(Exception):
        def __init__(self, code: int, text: str) -> None:
            super().__init__(text)

    def raises() -> NoReturn:
        raise CellError(1, "x")

    run = (
        sched.task(name="t", runs_in="process", retry=Retry(2, delay=0, on=CellError))(raises)
        .submit()
        .wait(60)
    )
    assert run.attempt == 2


class Unpicklable(urllib.error.URLError):
    lock = threading.Lock()


Unpicklable.__module__ = "nowhere"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("x"), ValueError),
        (NeedsTwoError(1, "x"), NeedsTwoError),
        (FrozenError(1, text="x"), FrozenError),
        (urllib.error.HTTPError("http://x", 503, "away", Message(), None), urllib.error.HTTPError),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), UnicodeDecodeError),
        (ExceptionGroup("several", [NeedsTwoError(1, "x")]), ExceptionGroup),
        (Unpicklable("x"), urllib.error.URLError),
        (SystemExit(3), SystemExit),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_stands_for_a_failure_is_of_its_nearest_known_type(
    error: BaseException, kind: type[BaseException]
) -> None:
    facts = error_facts(error)
    arrived = Failure.of(error, facts).here()
    assert type(arrived.error) is kind
    assert kind is ExceptionGroup or str(arrived.error) == str(error)
    assert arrived.facts == facts


def test_what_a_failure_says_arrives_though_a_library_changes_how_it_is_pickled() -> None:
    pytest.importorskip("tblib.pickling_support").install(UnicodeDecodeError)  # as Dask does
    error = UnicodeDecodeError("utf-8", b"x", 0, 1, "bad")
    arrived = Failure.of(error, error_facts(error)).here().error
    assert (type(arrived), str(arrived)) == (UnicodeDecodeError, str(error))


def test_a_failure_of_a_type_that_nobody_knows_here_is_told_all_the_same() -> None:
    failure = Failure.of(ValueError("x"), error_facts(ValueError("x")))
    arrived = failure._replace(whole=b"no pickle", types=(b"neither",)).here()
    assert (type(arrived.error), str(arrived.error)) == (RuntimeError, "x")
