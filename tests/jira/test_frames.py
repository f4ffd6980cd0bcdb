"""From bytes to columns: typed where values fit their field's type, readable where they do not."""

from __future__ import annotations

import gc
import json
import os
import threading
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.errors import UsageError
from schedkit.gcpause import gc_paused
from schedkit.jira import to_frame
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.pages.completeness import positions
from schedkit.jira.table.batch import Batch, join, microseconds, numbers, take, typed
from schedkit.jira.table.columns import layout
from schedkit.jira.table.fields import SYSTEM, Catalog, Field
from schedkit.jira.table.frame import newest
from schedkit.jira.table.kinds import flatten, kind_of
from schedkit.jira.table.plain import plain
from schedkit.jira.table.ranks import ranks_of
from schedkit.jira.table.reader import Reader

SCHEMA = {
    "customfield_1": {"type": "number", "custom": "x:float"},
    "customfield_2": {"type": "datetime", "custom": "x:datetime"},
    "customfield_3": {"type": "option", "custom": "x:select"},
    "customfield_4": {"type": "array", "items": "option", "custom": "x:multi"},
    "customfield_5": {"type": "string", "custom": "x:textarea"},
    "customfield_6": {"type": "user", "custom": "x:user"},
    "customfield_7": {"type": "date", "custom": "x:date"},
    "customfield_8": {"type": "hologram", "custom": "x:unknown"},
}


def frame(*fields: dict[str, Any]) -> pd.DataFrame:
    issues = [{"id": str(n), "key": f"A-{n}", "fields": f} for n, f in enumerate(fields, 1)]
    return to_frame({"issues": issues, "schema": SCHEMA, "names": {k: k for k in SCHEMA}})


def test_values_that_fit() -> None:
    df = frame(
        {
            "customfield_1": 2,
            "customfield_2": "2026-01-02T03:04:05.006+0530",
            "customfield_3": {"value": "A"},
            "customfield_4": [{"value": "A"}, {"value": "B"}],
            "customfield_5": {"type": "doc", "content": [{"type": "paragraph", "content": []}]},
            "customfield_6": {"accountId": "5b1"},
            "customfield_7": "2026-02-03",
            "customfield_8": {"label": "x"},
        },
        {},
    )
    types = df.dtypes.astype(str)
    assert types["customfield_1"] == "float64"
    assert types["customfield_2"] == "datetime64[us, UTC]"
    assert df["customfield_2"][0] == pd.Timestamp("2026-01-01T21:34:05.006Z")
    assert types["customfield_3"] == "category"
    assert list(df["customfield_4"]) == [("A", "B"), ()]
    assert df["customfield_6"][0] == "5b1"
    assert types["customfield_7"] == "datetime64[us, UTC]"
    assert df["customfield_8"][0] == "x"
    assert df["customfield_1"].isna().tolist() == [False, True]


WRITTEN = "2026-01-02T03:04:05.000+0000"


@pytest.mark.parametrize(
    ("field", "good", "odd", "shown"),
    [
        ("customfield_3", {"value": "A"}, ["B", {"value": "C"}], ["A", "B, C"]),
        ("customfield_4", [{"value": "A"}], "B", [("A",), ("B",)]),
        ("customfield_4", [{"value": "A"}], [1, {"name": "C"}], [("A",), ("1", "C")]),
        ("customfield_5", "plain", 5, ["plain", "5"]),
        ("customfield_6", {"displayName": "Ann"}, [{"name": "bob"}], ["Ann", "bob"]),
        ("customfield_1", 2.5, "3", [2.5, 3.0]),
    ],
)
def test_a_value_that_does_not_fit_costs_no_other(field: str, good: Any, odd: Any, shown: list[Any]) -> None:
    df = frame({field: good}, {field: odd}, {field: None})
    assert list(df[field].astype(object)[:2]) == shown
    assert df.attrs["unreadable"] == {}


@pytest.mark.parametrize(
    ("field", "good", "odd", "told"),
    [
        ("customfield_1", 2.5, "many", "'many'"),
        ("customfield_1", 2.5, {"value": "three"}, "'three'"),
        ("customfield_2", WRITTEN, "soon", "'soon'"),
        ("customfield_2", WRITTEN, 7, "'7'"),
        ("customfield_2", WRITTEN, ["a", "b"], "'a, b'"),
        ("customfield_7", "2026-01-02", "tomorrow", "'tomorrow'"),
        ("customfield_7", "2026-01-02", "20266-02-01", "'20266-02-01'"),
        ("votes", {"votes": 2}, {"votes": "some"}, "some"),
    ],
)
def test_an_unreadable_value_is_told_and_left_out(field: str, good: Any, odd: Any, told: str) -> None:
    """The type of the column does not depend on it."""
    df = frame({field: good}, {field: odd}, {field: None})
    column = "Votes" if field == "votes" else field
    assert df[column].dtype == frame({field: good})[column].dtype
    assert df[column].isna().tolist() == [False, True, True]
    assert told in df.attrs["unreadable"][column]["A-2"]


def test_a_misfit_in_one_page_shows_in_all() -> None:
    parts = [typed([1.5, None], "float"), typed(["x"], "text"), typed([], "float")]
    sizes = [2, 1, 0]
    batches = [
        Batch(np.arange(n, dtype=np.int64), np.zeros(n, np.int64), {"C": part})
        for n, part in zip(sizes, parts, strict=True)
    ]
    joined, stores = join(batches, {"C": "float"})
    assert stores == {"C": "text"}
    assert joined.columns["C"].to_pylist() == ["1.5", None, "x"]
    assert take(joined, np.array([2, 0])).columns["C"].to_pylist() == ["x", "1.5"]
    assert typed(["2026-01-02 03:04"], "datetime").to_pylist()[0] == pd.Timestamp("2026-01-02T03:04Z")


LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=16)
NAMES = st.sampled_from(["name", "value", "key", "id", "displayName", "child", "type", "statusCategory"])
JSON = st.recursive(
    LEAVES | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*SCHEMA, *SYSTEM]


# Each example compiles decoders of its own: a tenth of a second.
@settings(max_examples=1000 if os.environ.get("SCHEDKIT_THOROUGH") else 25)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), min_size=1, max_size=3))
def test_whatever_comes_there_is_a_frame_and_every_field_in_it(issues: list[dict[str, Any]]) -> None:
    df = frame(*issues)
    assert len(df) == len(issues)
    shown = {id for about in df.attrs["fields"].values() for id in [about["id"], *about.get("also", [])]}
    assert {id for fields in issues for id in fields} <= shown
    # Read typed together or loosely one by one: the same cells.
    catalog = Catalog.from_issues(FIELDS, {k: k for k in SCHEMA}, SCHEMA)
    for id in {id for fields in issues for id in fields}:
        kind = kind_of(catalog.get(id), "wiki")
        [column] = [
            c for c, about in df.attrs["fields"].items() if about["id"] == id and c != "Status Category"
        ]
        for row, fields in enumerate(issues):
            cell, loose = df[column][row], flatten(kind, fields.get(id))
            if kind.store == "any":
                loose = plain(fields.get(id))
            if isinstance(cell, tuple):
                assert cell == (loose or ())
            elif isinstance(cell, str) and isinstance(loose, str):
                assert cell == loose


@given(
    st.lists(st.tuples(st.integers(-1, 6), st.integers(0, 4)), max_size=25),
    st.lists(st.integers(0, 7), unique=True),
)
def test_of_copies_the_newest_is_kept(rows: list[tuple[int, int]], order: list[int]) -> None:
    ids = np.array([i for i, _ in rows], dtype=np.int64)
    updated = np.array([u for _, u in rows], dtype=np.int64)
    kept = newest(ids, updated).tolist()
    expected = [
        n
        for n, (i, u) in enumerate(rows)
        if i < 0 or all((u, n) >= (v, m) for m, (j, v) in enumerate(rows) if j == i)
    ]
    assert kept == expected
    distinct = np.array([3, 1, 5, 0], dtype=np.int64)
    assert distinct[positions(distinct, order)].tolist() == [id for id in order if id in (3, 1, 5, 0)]


def test_the_collector_is_paused_and_comes_back() -> None:
    assert gc.isenabled()
    inside, leave = threading.Barrier(3), threading.Event()
    seen: list[bool] = []

    def work(fail: bool) -> None:
        try:
            with gc_paused():
                inside.wait(60)
                leave.wait(60)
                seen.append(gc.isenabled())
                if fail:
                    raise ValueError
        except ValueError:
            pass

    threads = [threading.Thread(target=work, args=(fail,)) for fail in (True, False)]
    for thread in threads:
        thread.start()
    inside.wait(60)
    with gc_paused():
        assert not gc.isenabled()
    assert not gc.isenabled(), "others are still at it"
    leave.set()
    for thread in threads:
        thread.join(60)
    assert seen == [False, False]
    assert gc.isenabled()
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled(), "whoever turned it off keeps it off"
    finally:
        gc.enable()


def test_what_is_no_answer_is_not_read() -> None:
    import msgspec

    catalog = Catalog([Field("summary", "Summary", "string")])
    reader = Reader(layout(catalog, DATA_CENTER, ["Summary"]), catalog)
    for body in (b'{"issues": 7}', b"[1]", b"{}", b'{"issues": [{"id": {}}]}'):
        with pytest.raises(msgspec.DecodeError):
            reader.page(body)
    with pytest.raises(msgspec.DecodeError):
        reader.issues(b'{"id": []}')
    errors = [{"issueIdsOrKeys": ["A-1", 7], "errorMessage": "gone"}, {"id": "9", "status": 404}, {}]
    page = reader.page(json.dumps({"issues": [], "issueErrors": errors, "warningMessages": ["old"]}).encode())
    assert page.errors == {"A-1": "gone", "7": "gone", "9": "404"}
    assert page.warnings == ("old",)


def test_orders_of_categories() -> None:
    def status(name: str, key: str | None, called: str | None = None) -> dict[str, Any]:
        return {"id": f"id of {name}", "name": name, "statusCategory": {"key": key, "name": called}}

    rows = [status("C", "done"), status("A", "new", "Zu erledigen"), status("X", "odd"), {"name": "old"}, 7]
    assert ranks_of([{"name": "High"}, {"id": 1}], rows) == {
        "priority": ["High"], "status": ["A", "C"], "status category": ["Zu erledigen", "Done"],
    }  # fmt: skip
    assert ranks_of(None, {"errors": []}) == {}


def test_fields_of_a_localised_site() -> None:
    catalog = Catalog.from_site(
        [
            {"id": "summary", "name": "Zusammenfassung", "schema": {"type": "string"}},
            {"id": "issuekey", "name": "Schlüssel"},
            {"id": "customfield_1", "name": "Status", "schema": {"type": "string", "custom": "x:text"}},
            {"id": "customfield_2", "name": "Sprint", "schema": {"type": "string", "custom": "x:text"}},
            {"id": "customfield_3", "name": "Team", "schema": {"type": "option", "custom": "x:select"}},
            {"id": "customfield_4", "name": "team", "schema": {"type": "option", "custom": "x:select"}},
            {"name": "no id"},
            "no field",
        ]
    )
    chosen = layout(catalog, CLOUD, ["Zusammenfassung", "customfield_1", "Sprint", "TEAM", "id"])
    assert [c.label for c in chosen.columns] == [
        "Key", "Zusammenfassung", "Status (customfield_1)", "Sprint (customfield_2)", "Team (customfield_3)",
        "team (customfield_4)", "Id",
    ]  # fmt: skip
    assert catalog.get("votes").type == "votes"
    assert catalog.get("nothing").name == "nothing"


def test_no_thread_keeps_a_heap_of_arrows_own() -> None:
    held = pa.default_memory_pool().bytes_allocated()
    day = "2026-01-02T03:04:05.678+0100"
    columns = [
        typed(["a"] * 1000, "text"),
        typed([day] * 1000, "datetime"),
        typed([1.5] * 1000, "float"),
        typed([{}] * 1000, "float"),
        microseconds([day, None]),
        numbers(["1", None]),
    ]
    assert pa.default_memory_pool().bytes_allocated() == held
    assert all(len(column) for column in columns)
    assert microseconds([day, None])[0] == pd.Timestamp(day).value // 1000
    assert numbers(["12", None]).tolist() == [12, -1]


def test_half_characters_cost_no_page() -> None:
    cut = (
        rb'{"issues":[{"id":"1","key":"A-1","fields":{"summary":"a \ud83d b \ud83d\ude00 \\ud83d",'
        rb'"labels":["\uDC00"]}}]}'
    )
    df = to_frame(cut)
    assert df["Summary"][0] == "a \ufffd b \U0001f600 \\ud83d"
    assert df["Labels"][0] == ("\ufffd",)
    assert to_frame(b'{"key":"A-1","fields":{"summary":"caf\xe9"}}')["Summary"][0] == "caf\ufffd"
    with pytest.raises(UsageError, match="not valid JSON"):
        to_frame(cut[:-9])


def test_issues_without_fields() -> None:
    df = to_frame([{"id": "1", "key": "A-1"}, {"id": "2", "key": "A-2", "fields": None}])
    assert list(df["Key"]) == ["A-1", "A-2"]
