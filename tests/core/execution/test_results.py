"""Results: what a run returned comes back as it was, also in another process."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schedkit.core.execution.results import INLINE_BYTES, ResultGoneError, Results
from schedkit.jira import diff


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


def test_keys_and_mixed_columns_come_back_as_text(tmp_path: Path) -> None:
    """As `latest` of a task says."""
    results = Results(tmp_path)
    assert results.load(results.save("t", "r1", 1, {1: 2, 0.5: (3, 4)})) == {"1": 2, "0.5": [3, 4]}
    mixed = pd.DataFrame({"a": [1, "two", None]})
    assert results.load(results.save("t", "r2", 1, mixed))["a"].tolist()[:2] == ["1", "two"]


def test_odd_cells_leave_at_least_their_text(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.save("t", "r", 1, None) is None
    assert results.load(None) is None
    reference = results.save("t", "r", 1, object())
    with pytest.raises(ResultGoneError, match="type object, was not kept"):
        results.load(reference)
    mixed = pd.DataFrame({"mixed": [1, "two", {"three": 3}], 7: [object(), None, "x"]})
    mixed.attrs["odd"] = object()
    back = results.load(results.save("t", "r", 2, mixed))
    assert list(back.columns) == ["mixed", "7"]
    assert back["mixed"].tolist() == ["1", "two", "{'three': 3}"]
    twice = pd.DataFrame([[1, 2, 3, "x"]], columns=["key", "key", "key.1", "key"])
    back = results.load(results.save("t", "r", 4, twice))
    assert list(back.columns) == ["key", "key.2", "key.1", "key.3"]
    assert back.iloc[0].tolist() == [1, 2, 3, "x"]
    path = tmp_path / results.save("t", "r", 3, mixed)["path"]  # type: ignore[index]
    path.write_bytes(b"not parquet")
    with pytest.raises(ResultGoneError, match="cannot be read"):
        results.load({"kind": "parquet", "path": str(path.relative_to(tmp_path))})
    assert not list(tmp_path.rglob("*.part"))


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


def test_what_stands_for_numbers_and_times_is_kept_as_plain_values(tmp_path: Path) -> None:
    results = Results(tmp_path)

    def kept(value: object) -> object:
        return results.load(results.save("task", "run", 1, value))

    assert (
        kept({"took": pd.Timedelta("90.5s")})
        == kept({"took": timedelta(seconds=90.5)})
        == {"took": "PT90.5S"}
    )
    assert kept([np.int64(3), np.float64(0.5), np.bool_(True)]) == [3, 0.5, True]
    assert kept({"rows": np.array([[1, 2], [3, 4]]), "names": np.array(["a", "b"])}) == {
        "rows": [[1, 2], [3, 4]],
        "names": ["a", "b"],
    }
    assert kept([np.datetime64("2026-01-05"), pd.NaT]) == ["2026-01-05", None]
    with pytest.raises(ResultGoneError, match="ndarray has no form there"):
        kept({"times": np.array(["2026-01-05"], dtype="datetime64[D]")})
    with pytest.raises(ResultGoneError, match="ndarray has no form there"):
        kept({"objects": np.array([object()])})


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
    run.wait("30s")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(run.state, run.error["type"], run.error["message"])
print([str(path) for path in (folder / "results").rglob("*") if path.is_file()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of processes there")
def test_a_result_that_cannot_be_written_fails_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    told, files = done.stdout.splitlines()
    assert told.startswith(f"FAILED FileError cannot write {tmp_path / 'results' / 'big'}")
    assert files == "[]"
