"""Faces come from a door; without one there is the repr and a clear line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schedkit.core.api import faces
from schedkit.errors import UsageError


@pytest.fixture(autouse=True)
def _no_provider() -> Iterator[None]:
    before = faces._provider().load
    faces.provide(None)
    yield
    faces.provide(before)


class Shown:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def display(self, thing: object) -> None:
        self.seen.append(thing)

    def panel(self, thing: object, kind: str) -> object:
        return (thing, kind)


def test_without_a_provider_ipython_falls_back_to_the_repr() -> None:
    with pytest.raises(NotImplementedError):
        faces.display("x")
    with pytest.raises(UsageError, match=r"no panel here \(import schedkit in a notebook"):
        faces.panel("x")


def test_a_provider_is_asked_at_the_first_display() -> None:
    shown = Shown()
    faces.provide(lambda: shown)
    faces.display("x")
    assert shown.seen == ["x"]
    assert faces.panel("x", "runs") == ("x", "runs")
