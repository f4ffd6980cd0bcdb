"""The whole changelog travels with its slices, and costs nothing on the way."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pandas as pd

from schedkit.values.whole_history import WholeHistory


def remembered() -> pd.DataFrame:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "When": [1, 2]})
    frame.attrs["history"] = WholeHistory(frame)
    return frame


def test_a_slice_holds_the_whole() -> None:
    part = remembered().query("When < 2")[["Key"]].reset_index(drop=True)
    assert len(part) == 1
    assert list(part.attrs["history"].frame["Key"]) == ["A-1", "A-2"]


def test_a_change_of_the_frame_is_not_one_of_the_whole() -> None:
    frame = remembered()
    frame.loc[0, "Key"] = "B-9"
    assert list(frame.attrs["history"].frame["Key"]) == ["A-1", "A-2"]


def test_it_is_never_copied() -> None:
    whole = remembered().attrs["history"]
    assert copy.copy(whole) is whole
    assert copy.deepcopy({"history": whole})["history"] is whole


def test_files_and_pickles_hold_nothing_of_it(tmp_path: Path) -> None:
    frame = remembered()
    assert json.dumps(frame.attrs) == '{"history": {}}'
    assert pickle.loads(pickle.dumps(frame)).attrs == {"history": {}}
    frame.to_parquet(tmp_path / "changes.parquet")
    assert pd.read_parquet(tmp_path / "changes.parquet").attrs == {"history": {}}
