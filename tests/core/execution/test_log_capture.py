"""What the code of a run says through `logging` is in its log, once, whatever it runs in."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schedkit.core.api.scheduler import Scheduler

Lines = list[tuple[str, str]]


@pytest.fixture
def sched(tmp_path: Path) -> Iterator[Scheduler]:
    with Scheduler(tmp_path / "ledger.db", results=tmp_path / "results") as made:
        yield made


def lines(sched: Scheduler, function: Callable[..., Any], **options: Any) -> Lines:
    """Return the log of a run of a function, by level and message."""
    run = sched.task(name=function.__name__, **options)(function).submit()
    run.wait("60s")
    details = sched.queries.details(run.id)
    return [(logging.getLevelName(line["level"]), line["message"]) for line in details["log"]]


def talk() -> None:
    log = logging.getLogger("library.part")
    log.setLevel(logging.DEBUG)
    log.debug("too much")
    log.info("page %d of %d", 1, 3)
    log.warning("a page is missing")


async def talk_on_the_loop() -> None:
    talk()
    await asyncio.to_thread(logging.getLogger("library").error, "from its thread")


TALKED = [("INFO", "page 1 of 3"), ("WARNING", "a page is missing")]


def test_threads_and_coroutines(sched: Scheduler) -> None:
    assert lines(sched, talk) == TALKED
    assert lines(sched, talk_on_the_loop) == [*TALKED, ("ERROR", "from its thread")]


def talk_in_a_thread_of_its_own() -> None:
    for target in (talk, contextvars.copy_context().run):
        thread = threading.Thread(target=target, args=() if target is talk else (talk,))
        thread.start()
        thread.join()


def test_a_thread_that_a_task_starts_needs_its_context(sched: Scheduler) -> None:
    assert lines(sched, talk_in_a_thread_of_its_own) == TALKED


def test_a_child_process_and_an_executor(sched: Scheduler) -> None:
    # A warning without a handler is printed; what a child prints comes another way than what it logs.
    found = sorted(lines(sched, talk, runs_in="process"))
    assert found == [("INFO", "a page is missing"), ("INFO", "page 1 of 3")]
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        assert lines(sched, talk, runs_in=pool) == TALKED


def test_what_a_handler_of_a_child_prints_is_there_once(sched: Scheduler) -> None:
    def configured() -> None:
        logging.basicConfig(format="%(name)s %(message)s", level=logging.INFO, stream=sys.stdout)
        talk()

    assert sorted(lines(sched, configured, runs_in="process")) == [
        ("INFO", "library.part a page is missing"),
        ("INFO", "library.part page 1 of 3"),
        ("INFO", "library.part too much"),
    ]


def test_each_run_has_its_own_lines(sched: Scheduler) -> None:
    both = threading.Barrier(2)

    def says(word: str) -> None:
        both.wait(60)
        logging.getLogger("library").warning("%s", word)
        both.wait(60)

    task = sched.task(name="says")(says)
    runs = {word: task.submit(word=word) for word in ("one", "two")}
    logging.getLogger("library").warning("of no run")
    for word, run in runs.items():
        run.result("60s")
        assert [line["message"] for line in sched.queries.details(run.id)["log"]] == [word]


def test_our_own_records_are_told_otherwise(sched: Scheduler) -> None:
    def own() -> None:
        logging.getLogger("schedkit.jira").warning("a part was slow")
        logging.getLogger("library").warning("wrong %d", "number")

    assert lines(sched, own) == []


def test_an_exception_is_logged_with_its_traceback(sched: Scheduler) -> None:
    def caught() -> None:
        try:
            raise ValueError("no such project")
        except ValueError:
            logging.getLogger("library").exception("a page was left out")

    ((level, text),) = lines(sched, caught)
    assert level == "ERROR"
    assert text.startswith("a page was left out\nTraceback (most recent call last):")
    assert text.endswith("ValueError: no such project")


def test_a_run_that_was_asked_to_stop_is_not_ended_by_a_library_that_logs(sched: Scheduler) -> None:
    entered = threading.Event()

    def stubborn(run: Any) -> str:
        entered.set()
        while not run.should_stop():
            threading.Event().wait(0.01)
        logging.getLogger("library").warning("went on")
        return "whole"

    run = sched.task(name="stubborn")(stubborn).submit()
    assert entered.wait(60)
    sched.remove("stubborn")
    assert run.result("60s") == "whole"


def test_warnings_without_a_handler_are_printed_as_before(
    sched: Scheduler, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        logging.getLogger("library").warning("of no run")
    finally:
        root.handlers = handlers
    assert capsys.readouterr().err == "of no run\n"
