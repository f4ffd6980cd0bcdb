"""Lists and structures come back from their cells as they were, unless somebody changed the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from support.workbook_edits import SHEET, patched, retyped

from schedkit import excel
from schedkit.excel.list_metadata import metadata_of_lists, restored_lists


def test_labels_come_back_as_lists(tmp_path: Path) -> None:
    labels = [["ui", "api"], [], ["Linux, ARM"], ["Linux", "ARM"], None, ["", "x"]]
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(6)], "Labels": pd.Series(labels, dtype=object)})
    path = excel.write(frame, tmp_path / "r.xlsx").path
    assert excel.read(path)["Labels"].tolist() == labels


def test_a_changed_text_is_what_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Labels": [["Linux, ARM"], ["Linux, ARM"]]})
    path = excel.write(frame, tmp_path / "r.xlsx").path
    retyped(path, "B2", "Linux, ARM, x86")
    assert excel.read(path)["Labels"].tolist() == [["Linux", "ARM", "x86"], ["Linux, ARM"]]
    patched(path, SHEET, (r'<c r="B3".*?</c>', '<c r="B3"><v>5</v></c>'))
    assert excel.read(path)["Labels"].tolist() == ["Linux, ARM, x86", 5]


def test_rows_that_people_sort_keep_their_lists(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Labels": [["a, b"], ["a", "b"]]})
    path = excel.write(frame, tmp_path / "r.xlsx").path
    retyped(retyped(path, "A2", "A-2"), "A3", "A-1")
    assert excel.read(path)["Labels"].tolist() == [["a", "b"], ["a, b"]]


def test_structures_come_back(tmp_path: Path) -> None:
    sprints = [[{"id": 1, "name": "a, b"}, {"id": 2}], [{"id": 3}], None]
    frame = pd.DataFrame(
        {
            "Sprint": pd.Series(sprints, dtype=object),
            "Progress": [{"total": 1, "of": [1, 2]}, {"total": 0.5}, {"total": None}],
            "Odd": pd.Series([{"at": pd.Timestamp("2026-01-01")}, {1: 2}, None], dtype=object),
            "Both": pd.Series([{"a": 1}, [{"a": 1}], None], dtype=object),
        }
    )
    path = excel.write(frame, tmp_path / "r.xlsx").path
    back = excel.read(path)
    assert back["Sprint"].tolist() == sprints
    assert back["Progress"].tolist() == frame["Progress"].tolist()
    assert back["Odd"].tolist()[:2] == ['{"at": "2026-01-01 00:00:00"}', '{"1": 2}']
    assert back["Both"].tolist()[:2] == ['{"a": 1}', '{"a": 1}']
    retyped(path, "B2", "typed over")
    assert excel.read(path)["Progress"].tolist()[0] == "typed over"


items = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", "a, b", ", ", "", "x,y"]), max_size=3))
)


@given(items)
def test_every_list_survives(values: list[Any]) -> None:
    keys = [str(number) for number in range(len(values))]
    memory = metadata_of_lists(values, keys)
    if memory is None:
        assert not any(isinstance(value, list) for value in values)
        return
    texts = [None if value is None else ", ".join(value) or None for value in values]
    assert restored_lists(texts, memory, keys) == values
