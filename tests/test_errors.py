"""The error tree: drawn as it is, exported whole, able to cross process borders."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from schedkit import errors


def classes() -> dict[str, type[BaseException]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException) and value.__module__ == errors.__name__
    }


def test_every_error_is_exported_and_drawn_under_its_parent() -> None:
    assert set(errors.__all__) == set(classes())
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line)
        if match:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else None
    assert set(drawn) == set(classes())
    for name, parent in drawn.items():
        if parent is not None:
            assert issubclass(classes()[name], classes()[parent]), f"{name} is drawn under {parent}"


@pytest.mark.parametrize("name", sorted(classes()))
def test_errors_survive_a_process_border(name: str) -> None:
    cls = classes()[name]
    error = cls("it broke")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == str(error)


def test_a_hint_stands_in_brackets() -> None:
    assert str(errors.UsageError("no such thing", hint="look again")) == "no such thing (look again)"
    assert str(errors.SiteError("gone", status=503)) == "gone"
    assert errors.SiteError("gone", status=503).status == 503
    assert isinstance(errors.UsageError("x"), ValueError)
