"""Results longer than a site pages through: in the order the query asks for, or told that they are not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.demo import DemoSite
from schedkit.demo.jira import datacenter
from schedkit.jira.dialect import DATA_CENTER
from schedkit.jira.pages import offset_paging
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.columns import Column
from schedkit.jira.table.fields import Catalog, Field
from schedkit.jira.table.kinds import KEY, Kind, kind_of
from schedkit.jira.table.ordering import Term, restored, terms
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY "


@pytest.fixture(scope="module")
def short_sighted() -> Iterator[DemoSite]:
    """A site that pages through a hundred issues and holds six hundred."""
    with pytest.MonkeyPatch.context() as patch, DemoSite(issues=600) as site:
        patch.setattr(offset_paging, "RESULT_WINDOW", 100)
        patch.setattr(datacenter, "RESULT_WINDOW", 100)
        site.quirks.beyond_window = "empty"
        yield site


def in_site_order(site: DemoSite, jql: str) -> list[str]:
    return [site.store.issues[id].key for id in site.dc.searcher.search(jql).ids]


@pytest.mark.parametrize(
    "order",
    [
        "key",
        "key DESC",
        "created",
        "created DESC",
        "updated desc, key",
        "priority DESC, key",
        "status, created DESC",
        "statusCategory DESC, priority, issuekey DESC",
        "project, type, key DESC",
        "assignee, key",
        "reporter DESC, created",
        "summary, key",
        "duedate, key",
        "due DESC, key",
        "resolutiondate DESC, key",
        "resolution, key",
        '"Business Value" DESC, key',
        '"größe (pt)", key',
        "'Go-live', key",
        "cf[10310], key",
        "Severity DESC, key",
        "timespent DESC, originalEstimate, key",
        "Rank",
        # What cannot be compared does not matter where nothing is left to it.
        "created DESC, Rank, labels",
    ],
)
def test_the_order_is_that_of_the_site(short_sighted: DemoSite, order: str) -> None:
    df = client(short_sighted, "dc").search(ALL + order, fields=["Id"])
    facts = df.attrs["extraction"]
    expected = [
        short_sighted.store.issues[id].key for id in short_sighted.dc.searcher.search(ALL + order).ids
    ]
    assert facts["warnings"] == []
    assert facts["exact"]
    assert list(df["Key"]) == expected


@pytest.mark.parametrize("order", ["labels, key", "fixVersion", "priority, Sprint"])
def test_an_order_that_cannot_be_restored_is_told(short_sighted: DemoSite, order: str) -> None:
    df = client(short_sighted, "dc").search(ALL + order, fields=["Created"])
    (warning,) = df.attrs["extraction"]["warnings"]
    assert warning.endswith(f"by time of creation, not ORDER BY {order}")
    assert len(df) == 600
    assert df.attrs["extraction"]["exact"]


def test_the_first_of_a_long_result_are_the_first(short_sighted: DemoSite) -> None:
    df = client(short_sighted, "dc").search(ALL + "priority DESC, key", fields=["Summary"], limit=250)
    assert list(df["Key"]) == in_site_order(short_sighted, ALL + "priority DESC, key")[:250]
    assert df["Summary"].notna().all()
    assert df.attrs["extraction"]["limited"]


def test_a_store_keeps_the_order_too(short_sighted: DemoSite, tmp_path) -> None:
    jira = client(short_sighted, "dc")
    jql = ALL + "status, key DESC"
    expected = in_site_order(short_sighted, jql)
    for _ in range(2):
        assert list(jira.sync(jql, into=tmp_path / "x.parquet", fields=["Summary"])["Key"]) == expected


def column(store: str, name: str = "any", label: str = "X") -> Column:
    return Column(label, Kind(name, None, store))


def pieces(store: str, *values: list[object]) -> list[Batch]:
    kind = {"float": pa.float64(), "text": pa.large_string(), "category": pa.large_string()}[store]
    return [Batch(np.arange(len(v)), np.zeros(len(v), np.int64), {"X": pa.array(v, kind)}) for v in values]


def order_of(store: str, *values: list[object], name: str = "any", descending: bool = False) -> list[object]:
    """The values in the order restored, or "unknown"."""
    told = restored([Term(column(store, name), descending)], pieces(store, *values))
    return ["unknown"] if told is None else [[v for piece in values for v in piece][n] for n in told]


def test_where_empty_values_come_is_learned() -> None:
    assert order_of("float", [1.0, 3.0, None], [2.0]) == [1.0, 2.0, 3.0, None]
    assert order_of("float", [None, 1.0, 3.0], [2.0]) == [None, 1.0, 2.0, 3.0]
    assert order_of("float", [3.0, 1.0, None], [2.0], descending=True) == [3.0, 2.0, 1.0, None]
    assert order_of("float", [1.0, 3.0], [None]) == ["unknown"], "no piece shows it"
    assert order_of("float", [1.0, None], [None, 2.0]) == ["unknown"], "the pieces contradict each other"


def test_the_order_of_choices_is_learned() -> None:
    assert order_of("category", ["To Do", "Done"], ["Doing", "Done"], ["To Do", "Doing"]) == [
        "To Do", "To Do", "Doing", "Doing", "Done", "Done"
    ]  # fmt: skip
    assert order_of("category", ["A", "C"], ["B", "C"]) == ["unknown"], "A and B never meet"
    assert order_of("category", ["A", "B"], ["B", "A"]) == ["unknown"]


def test_names_compare_as_the_site_does() -> None:
    assert order_of("text", ["ann", "Bob"], ["Anna"]) == ["ann", "Anna", "Bob"]
    assert order_of("text", ["Bob", "ann"], ["Anna"]) == ["Anna", "Bob", "ann"]
    assert order_of("text", ["Eva", "Éve", "Zoe"], ["Fay"]) == ["Eva", "Éve", "Fay", "Zoe"]
    assert order_of("text", ["b", "a"], ["c"]) == ["unknown"], "in no order that we know"
    assert order_of("text", ["b", "a", "c"], ["c"], name="user") == ["b", "a", "c", "c"], "but one of its own"


def test_two_people_of_one_name_compare_as_one() -> None:
    """The site sorts them by name, and by the next term between each other."""
    user = Column("X", kind_of(Field("assignee", "Assignee", "user"), "wiki"))
    cells = [["Ann (2)", "Ann", "Ann (2)", "Cid"], ["Ann", "Bob", "Cid (3)"]]
    told = restored([Term(user)], pieces("text", *cells))
    assert told is not None
    names = [cell for piece in cells for cell in piece]
    assert [names[n] for n in told] == ["Ann (2)", "Ann", "Ann (2)", "Ann", "Bob", "Cid", "Cid (3)"]


@given(st.lists(st.lists(st.tuples(st.none() | st.integers(0, 5), st.sampled_from("abcd")), max_size=9)))
def test_pieces_of_a_sorted_whole_come_together_or_not_at_all(rows) -> None:
    """Whatever is restored agrees with every piece, and with the order that all pieces follow."""

    def place(row):
        return (row[0] is None, row[0] or 0, "dbca".index(row[1]))

    sorted_pieces = [sorted(piece, key=place) for piece in rows if piece]
    batches = [
        Batch(
            np.arange(len(piece)),
            np.zeros(len(piece), np.int64),
            {
                "N": pa.array([n for n, _ in piece], pa.float64()),
                "X": pa.array([x for _, x in piece], pa.large_string()),
            },
        )
        for piece in sorted_pieces
    ]
    told = restored([Term(column("float", label="N")), Term(column("category"))], batches)
    whole = [row for piece in sorted_pieces for row in piece]
    if told is not None:
        assert [whole[n] for n in told] == sorted(whole, key=place)


def test_reading_the_clause() -> None:
    catalog = Catalog([])
    assert [t.descending for t in terms('"a, b" DESC, created, key desc', catalog, DATA_CENTER)] == [
        True, False, True
    ]  # fmt: skip
    assert terms("key", catalog, DATA_CENTER) == [Term(Column("Key", KEY))]
    assert terms("nothing known", catalog, DATA_CENTER)[-1].column is None
    assert terms("", catalog, DATA_CENTER) == []
