"""Who listens to a call: a run, a default, or nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from schedkit import context
from schedkit.errors import StopRequested


class Notes(context.ExecutionContext):
    def __init__(self) -> None:
        self.taken: list[tuple[Any, ...]] = []
        self.stopped = False

    def progress(self, stage: str, done: float, total: float | None) -> None:
        self.taken.append(("progress", stage, done, total))

    def log(self, level: int, message: str) -> None:
        self.taken.append(("log", level, message))

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.taken.append(("fact", kind, dict(facts)))

    def artifact(self, path: Path, label: str) -> None:
        self.taken.append(("artifact", path, label))

    def should_stop(self) -> bool:
        return self.stopped


def report_everything() -> None:
    context.progress("reading", 1, 2)
    context.log("hello")
    context.fact("rows", {"n": 1})
    context.artifact("a/b.xlsx")
    context.artifact("a/b.xlsx", "Bugs")


def test_a_listener_hears_everything() -> None:
    with context.use(Notes()) as notes:
        report_everything()
        assert not context.should_stop()
        context.checkpoint()
        assert isinstance(notes, Notes)
        assert notes.taken == [
            ("progress", "reading", 1, 2),
            ("log", 20, "hello"),
            ("fact", "rows", {"n": 1}),
            ("artifact", Path("a/b.xlsx"), "b.xlsx"),
            ("artifact", Path("a/b.xlsx"), "Bugs"),
        ]
        notes.stopped = True
        with pytest.raises(StopRequested):
            context.checkpoint()


def test_warnings_to_nobody_go_to_the_log_of_the_program(caplog: pytest.LogCaptureFixture) -> None:
    with context.surrounded():
        context.log("rows were left out", logging.WARNING)
        context.log("for your information")
    with context.use(context.ExecutionContext()):
        context.log("told elsewhere", logging.WARNING)
    assert caplog.record_tuples == [("schedkit", logging.WARNING, "rows were left out")]


def test_nobody_ignores_everything() -> None:
    report_everything()
    assert not context.should_stop()
    unsubscribe = context.current().on_stop(lambda: None)
    unsubscribe()


def test_outside_of_runs_there_is_no_run() -> None:
    assert context.run_id() is None
    assert context.current().effects() is None


def test_effects_are_counted_by_name() -> None:
    effects = context.Effects("run-1")
    effects.add("a")
    effects.add("a", 2)
    assert (effects.run, effects.count("a"), effects.count("b")) == ("run-1", 3, 0)


def test_the_default_surrounds_only_calls_that_nobody_surrounds() -> None:
    made: list[Notes] = []

    @contextmanager
    def bar() -> Iterator[context.ExecutionContext]:
        made.append(Notes())
        yield made[-1]

    context.set_default(bar)
    try:
        with context.surrounded():
            context.progress("x", 1)
        with context.use(Notes()) as notes, context.surrounded() as inner:
            assert inner is notes
        assert [n.taken for n in made] == [[("progress", "x", 1, None)]]
    finally:
        context.set_default(None)
    with context.surrounded() as nobody:
        assert not nobody.should_stop()
