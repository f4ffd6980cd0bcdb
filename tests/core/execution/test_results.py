"""Results: what a run returned comes back as it was, also in another process."""

from __future__ import annotations

import enum
import sys
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.ready_processes import ended

from schedkit import context
from schedkit.core.execution.results import INLINE_BYTES, Kept, ResultGoneError, Results
from schedkit.core.run import TaskResult
from schedkit.jira import diff


class Color(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: int
    y: int


class Odd(tzinfo):
    pass


@pytest.mark.parametrize(
    "value",
    [
        1,
        "text",
        {"a": [1, None, 2.5]},
        [1, 2],
        list(range(5000)),
        pd.DataFrame({"a": [1, 2]}),
        pd.Series([1.5, None], name="s"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_results_come_back(tmp_path: Path, value: Any) -> None:
    results = Results(tmp_path)
    reference = results.save("a task/with: odd name", "run", 1, value)
    back = results.load(reference)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(back, value)
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(back, value)
    else:
        assert back == value
    assert reference is not None
    results.remove(reference)
    if "path" in reference:
        with pytest.raises(ResultGoneError, match="is gone"):
            results.load(reference)


def test_what_cannot_come_back_as_it_was_is_refused_with_one_sentence(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.save("t", "r", 1, None) is None
    assert results.load(None) is None
    told: list[str] = []

    class Listener(context.ExecutionContext):
        def log(self, level: int | str, message: str | None = None) -> None:
            told.append(str(message))

    mixed = pd.DataFrame({"fine": [1, "two"], "odd": [object(), None]})
    for value, why in (
        (object(), "builtins.object cannot be kept with its type"),
        ([1, {"deep": {object}}], "builtins.type cannot be kept with its type"),
        (Color.RED, "Color cannot be kept with its type"),
        (Point(1, 2), "Point cannot be kept with its type"),
        (Counter("aab"), "collections.Counter cannot be kept with its type"),
        (np.array([object()]), "an array of objects cannot be kept with its type"),
        (pd.Index([1]), "pandas.Index cannot be kept with its type"),
        (mixed, "its column 'odd': builtins.object cannot be kept with its type"),
        ({"frames": [mixed]}, "its column 'odd': builtins.object cannot be kept with its type"),
        (pd.DataFrame({"a": [1j]}), "Parquet cannot hold it: "),
        (datetime(2026, 1, 5, tzinfo=Odd()), "a time zone of type .*Odd cannot be kept"),
    ):
        with context.use(Listener()):
            reference = results.save("t", "r", 1, value)
        with pytest.raises(ResultGoneError, match=f"of type {type(value).__name__}, was not kept: .*{why}"):
            results.load(reference)
        assert told.pop().startswith(f"the result, of type {type(value).__name__}, is not kept: ")
        assert not told
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing is left of them"


def test_a_frame_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    results = Results(tmp_path)
    path = tmp_path / results.save("t", "r3", 1, pd.DataFrame({"a": [1]}))["path"]
    path.write_bytes(b"not parquet")
    with pytest.raises(ResultGoneError, match="cannot be read"):
        results.load({"kind": "parquet", "path": str(path.relative_to(tmp_path))})
    assert not list(tmp_path.rglob("*.part"))


def test_attributes_of_a_frame_come_back_with_their_types_or_are_told(tmp_path: Path) -> None:
    results = Results(tmp_path)
    frame = pd.DataFrame({"a": [1]})
    for attrs in ({"site": "here", "n": [1, None]}, {1: (2, 3), "at": datetime(2026, 1, 5, tzinfo=UTC)}):
        frame.attrs = attrs
        assert results.load(results.save("t", "r", 1, frame)).attrs == attrs
    frame.attrs = {"odd": object(), "site": "here", "statuses": OrderedDict({"1": OrderedDict(name="Open")})}
    kept = results.load(results.save("t", "r", 1, frame)).attrs
    assert kept == {"site": "here", "statuses": {"1": {"name": "Open"}}}
    frame.attrs = {"long": tuple(range(INLINE_BYTES))}
    reference = results.save("t", "r", 2, frame)
    assert reference is not None
    assert (reference["rows"], reference["columns"]) == (1, 1)
    assert len(str(reference)) < INLINE_BYTES, "the ledger keeps the small part"
    assert results.load(reference).attrs == frame.attrs
    results.remove(reference)
    with pytest.raises(ResultGoneError, match="is gone"):
        results.load(reference)


FRAMES = {
    "duplicate columns": pd.DataFrame([[1, 2, 3, "x"]], columns=["key", "key", "key.1", "key"]),
    "duplicate levels": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 1)], names=["x", None])
    ),
    "mixed": pd.DataFrame({"a": [1, "two", None, float("nan"), {"three": 3}, (4, {5})]}),
    "objects of text": pd.DataFrame({"a": pd.Series(["a", None], dtype=object)}),
    "sets and dates": pd.DataFrame({"a": [{1, 2}, frozenset()], "b": [date(2026, 1, 5), None]}),
    "mappings": pd.DataFrame({"a": [{"k": 1}, {"j": 2}]}),
    "lists of numbers": pd.DataFrame({"a": [[1, None], [], (2,)]}),
    "numbered columns": pd.DataFrame({0: [1], 1: [2]}),
    "mixed index": pd.DataFrame({"a": [1, 2]}, index=pd.Index([1, "b"], name="k")),
    "empty": pd.DataFrame(),
    "types": pd.DataFrame(
        {
            "category": pd.Categorical(["x", "y"], ordered=True),
            "zone": pd.to_datetime(["2026-01-01", "2026-07-01"]).tz_localize("Europe/Berlin"),
            "float": [1.0, float("nan")],
            "period": pd.period_range("2026-01", periods=2, freq="M"),
        }
    ),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_frames_come_back_with_their_types(tmp_path: Path, frame: pd.DataFrame) -> None:
    results = Results(tmp_path)
    for value in (frame, {"one": [frame], 2: (frame, {3})}):
        reference = results.save("t", "r", 1, value)
        found = results.load(reference)
        several = isinstance(value, dict)
        if several:
            assert list(found) == ["one", 2]
            assert found[2][1] == {3}
            pd.testing.assert_frame_equal(found["one"][0], frame)
        back = found[2][0] if several else found
        pd.testing.assert_frame_equal(back, frame)
        for place, dtype in enumerate(frame.dtypes):
            if str(dtype) == "object":
                assert repr(back.iloc[:, place].tolist()) == repr(frame.iloc[:, place].tolist())
        assert reference is not None
        results.remove(reference)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", [None, 3, "s"])
def test_series_come_back_under_their_names(tmp_path: Path, name: object) -> None:
    series = pd.Series([1.5, None], index=["a", "b"], name=name)
    results = Results(tmp_path)
    pd.testing.assert_series_equal(results.load(results.save("t", "r", 1, series)), series)


@pytest.mark.parametrize("kind", [tuple, list])
def test_cells_of_lists_come_back_as_lists(kind: type, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3"],
            "Labels": [None, kind(["ui", "api"]), kind()],
            "Pairs": [kind([kind([1, 2])]), None, kind()],
        }
    )
    frame.attrs["site"] = "here"
    results = Results(tmp_path)
    reference = results.save("task", "run", 1, frame)
    found = results.load(reference)
    pd.testing.assert_frame_equal(found, frame)
    assert found["Labels"].tolist() == frame["Labels"].tolist()
    assert found["Pairs"].tolist() == frame["Pairs"].tolist()
    # Arrays made a comparison ambiguous: today's frame could not be held against the kept one.
    assert diff(frame, found).empty


def test_a_series_of_lists_comes_back(tmp_path: Path) -> None:
    series = pd.Series([["a"], ["b", "c"]], name="Labels")
    results = Results(tmp_path)
    found = results.load(results.save("task", "run", 1, series))
    assert found.tolist() == series.tolist()


def test_a_value_without_a_file_is_removed_with_its_row_alone(tmp_path: Path) -> None:
    results = Results(tmp_path)
    inline = results.save("task", "run", 1, 42)
    filed = results.save("task", "run", 2, "x" * (INLINE_BYTES + 1))
    assert inline is not None
    assert filed is not None
    assert "path" not in inline
    results.remove(inline)
    results.remove(filed)
    with pytest.raises(ResultGoneError, match="is gone"):
        results.load(filed)
    assert results.load(inline) == 42


@pytest.mark.parametrize("task", ["..", ".", "../..", ""])
def test_no_name_of_a_task_leads_out_of_the_folder(tmp_path: Path, task: str) -> None:
    folder = tmp_path / "results"
    reference = Results(folder).save(task, "run", 1, list(range(5000)))
    assert [path.parent.parent for path in tmp_path.rglob("*.json")] == [folder]
    assert Results(folder).load(reference) == list(range(5000))


def test_a_reference_to_a_file_outside_is_neither_read_nor_removed(tmp_path: Path) -> None:
    outside = tmp_path / "other.json"
    outside.write_text("[1]")
    results = Results(tmp_path / "results")
    for path in ("../other.json", str(outside)):
        with pytest.raises(ResultGoneError, match="which is not in"):
            results.load({"kind": "json", "path": path})
        results.remove({"kind": "json", "path": path})
    assert outside.read_text() == "[1]"


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import RunFailedError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
with Scheduler(folder / "ledger.db", results=folder / "results") as sched:
    @sched.task(name="big")
    def big() -> list[int]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        return list(range(1_000_000))

    run = sched.submit("big")
    run.wait("60s")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(run.state, run.error["type"], run.error["message"])
print([str(path) for path in (folder / "results").rglob("*") if path.is_file()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of processes there")
def test_a_result_that_cannot_be_written_fails_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    done = ended(NO_ROOM, [str(tmp_path)], tmp_path)
    told, files = done.stdout.splitlines()
    assert told.startswith(f"FAILED FileError cannot write {tmp_path / 'results' / 'big'}")
    assert files == "[]"


def test_what_another_process_kept_goes_when_nobody_wants_it(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for number, wrap in enumerate((lambda kept: kept, lambda kept: TaskResult.success("done", kept))):
        reference = results.save("task", "run", number, pd.DataFrame({"n": [1]}))
        assert reference is not None
        results.discard(wrap(Kept(reference)))
        with pytest.raises(ResultGoneError, match="is gone"):
            results.load(reference)
    results.discard(TaskResult.success("done", 7))
    results.discard(None)
