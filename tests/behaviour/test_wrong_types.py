"""An argument of a wrong type ends in one of our errors, whichever function it is given to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench.flow_input import frames

from schedkit import Retry, calendar, cron, every, excel, flow
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import SchedkitError

WRONG: list[Any] = [
    None, 5, -1, 2.5, True, "nonsense", "", b"x", [], [1], {}, {"a": 1}, ("a",), object(),
    np.array([1, 2]), pd.Series([1, 2]), pd.DataFrame(), float("nan"), pd.NaT, pd.Timedelta("1D"),
]  # fmt: skip
FEW: list[Any] = [None, 5, "nonsense", [1], object()]  # for what takes long
BY_POSITION = (
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
    inspect.Parameter.POSITIONAL_ONLY,
)


def raw_errors(
    function: Callable[..., Any], right: dict[str, Any], wrong: list[Any] = WRONG
) -> Iterator[str]:
    """Call a function with wrong values for each of its parameters; yield what is no error of ours."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in BY_POSITION:
            continue
        for value in wrong:
            try:
                function(**right | {parameter.name: value})
            except SchedkitError:
                continue
            except Exception as error:
                yield f"{parameter.name}={value!r}: {type(error).__name__}: {error}"


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    issues, changes, sprints = frames(6)
    history = flow.History(issues, changes, now="2026-01-01")
    finished = flow.cycle_times(history)
    return {
        "issues": history, "finished": finished, "sprints": sprints, "frame": finished, "sprint": "Sprint 3",
        "history": history, "since": "2024-01-01", "n": 3, "days": 7,
    }  # fmt: skip


SLOW = ("burndown", "forecast_when", "pack", "plot")
FIGURES = [name for name in flow.__all__ if name not in ("Pack", "as_of", "spans")]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure(name: str, given: dict[str, Any]) -> None:
    function = getattr(flow, name)
    parameters = inspect.signature(function).parameters
    needed = {
        key: given.get(key) for key, each in parameters.items() if each.default is inspect.Parameter.empty
    }
    assert list(raw_errors(function, needed, FEW if name in SLOW else WRONG)) == []


@pytest.mark.parametrize("name", ["as_of", "spans"])
def test_a_figure_of_frames(name: str) -> None:
    issues, changes, _ = frames(6)
    right = {"issues": issues, "changes": changes, "field": "status", "when": "2024-01-01"}
    function = getattr(flow, name)
    takes = inspect.signature(function).parameters
    assert list(raw_errors(function, {key: value for key, value in right.items() if key in takes})) == []


def test_a_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    df = pd.DataFrame({"Key": ["A-1"], "N": [1]})
    excel.write(df, "a.xlsx")
    assert list(raw_errors(excel.write, {"data": df, "path": "b.xlsx"})) == []
    assert list(raw_errors(excel.read, {"path": "a.xlsx"})) == []


@pytest.mark.parametrize(
    ("function", "right"),
    [(cron, {"expression": "0 9 * * *"}), (every, {"interval": "5m"}), (calendar, {}), (Retry, {})],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_trigger(function: Callable[..., Any], right: dict[str, Any]) -> None:
    takes = inspect.signature(function).parameters
    assert list(raw_errors(function, {key: value for key, value in right.items() if key in takes})) == []


# What ends the scheduler, waits, or needs more than a name.
LEFT_OUT = ("close", "end_node", "run_forever", "shutdown", "start", "stop", "wait_idle")


def work(project: str = "KAFKA") -> None: ...


def test_a_scheduler(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:
        sched.task(work, name="work")
        found = {}
        for name, method in inspect.getmembers(sched, inspect.ismethod):
            if name.startswith("_") or name in LEFT_OUT:
                continue
            parameters = inspect.signature(method).parameters
            needed = {
                key: {"func": work, "start": "2026-01-01", "end": "2026-01-02"}.get(key, "work")
                for key, each in parameters.items()
                if each.default is inspect.Parameter.empty and each.kind not in BY_POSITION
            }
            found[name] = list(raw_errors(method, needed))
        assert {name: errors for name, errors in found.items() if errors} == {}
        assert len(found) > 25
