"""Tables with names in their first column: page properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage

from schedkit.confluence import Confluence, Lozenge
from schedkit.confluence.plans.edit import Draft, TableEdit
from schedkit.confluence.source.regions import Nth
from schedkit.confluence.tables.read import list_tables, read_table
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Rules
from schedkit.errors import RegionError

MakePage = Callable[[str], DemoPage]


def properties(*rows: tuple[str, str]) -> str:
    cells = "".join(f"<tr><th>{name}</th>{value}</tr>" for name, value in rows)
    return (
        '<ac:structured-macro ac:name="details"><ac:rich-text-body>'
        f"<table><tbody>{cells}</tbody></table></ac:rich-text-body></ac:structured-macro>"
    )


PAGE = properties(("Owner", "<td><p>Ann</p></td>"), ("Due date", "<td/>"), ("Notes", "<td>by hand</td>"))


def edit(frame: dict[str, list[Any]], source: str = PAGE, **rules: Any) -> Draft:
    change = TableEdit(Nth(1), render(pd.DataFrame(frame)), Rules(**rules))
    draft = change(source, "page 7")
    assert not change(draft.new, "page 7").changed
    return draft


def test_it_is_read_as_one_row() -> None:
    read = read_table(PAGE, Nth(1), "page")
    assert read.to_dict("records") == [{"Owner": "Ann", "Due date": "", "Notes": "by hand"}]
    assert list_tables(PAGE, "page").iloc[0].tolist() == ["nth:1", "", "Owner, Due date, Notes", 1, ""]
    assert not edit(read.to_dict("list")).changed


def test_values_go_to_the_row_of_their_name() -> None:
    draft = edit({"Owner": ["Bo"], "due  Date": ["May"]})
    assert "<th>Owner</th><td>Bo</td>" in draft.new
    assert "<th>Due date</th><td>May</td>" in draft.new
    assert "<td>by hand</td>" in draft.new
    assert draft.report.carried == ["Notes"]
    assert draft.report.notes == ["column 'Due date' of the page is taken for 'due Date'"]
    assert [(c.key, c.name, c.before, c.after) for c in draft.report.changes] == [
        ("Owner", "Value", "Ann", "Bo"), ("Due date", "Value", "", "May"),
    ]  # fmt: skip


def test_new_names_are_rows_where_wanted() -> None:
    assert "<tr><th>Risk &amp; cost</th><td>high</td></tr></tbody>" in edit({"Risk & cost": ["high"]}).new
    left_out = edit({"Risk": ["high"]}, columns="own")
    assert not left_out.changed
    assert "no row is named 'Risk'" in left_out.report.notes[0]


def test_several_columns_of_values() -> None:
    source = properties(("Q", "<td>1</td><td>2</td>"), ("N", "<td>3</td><td>4</td>"))
    assert read_table(source, Nth(1), "page").to_dict("list") == {"Q": ["1", "2"], "N": ["3", "4"]}
    draft = edit({"N": ["3", "5"]}, source)
    assert "<td>3</td><td>5</td>" in draft.new
    assert draft.report.names == ["Value 1", "Value 2"]


@pytest.mark.parametrize(
    ("source", "frame", "problem"),
    [
        (PAGE, {"Owner": ["a", "b"]}, "1 column of values: a frame of 2 rows does not fit"),
        (
            properties(("A", "<td>1</td>"), ("A", "<td>2</td>")),
            {"A": ["x"]},
            "page 7, nth:1 has two rows named 'A'",
        ),
        (
            properties(("A", "<td>1</td><td rowspan='2'>all</td>"), ("B", "<td>2</td>")),
            {"B": ["2", "x"]},
            "B is part of the merged cell 'all'",
        ),
    ],
)
def test_what_does_not_fit(source: str, frame: dict[str, list[str]], problem: str) -> None:
    with pytest.raises(RegionError, match=problem):
        edit(frame, source)


def test_inline_comments_of_values_are_listed() -> None:
    marked = '<ac:inline-comment-marker ac:ref="7">Ann</ac:inline-comment-marker>'
    draft = edit({"Owner": ["Bo"]}, properties(("Owner", f"<td>{marked}</td>")))
    assert [(c.key, c.words) for c in draft.report.comments] == [("Owner", "Ann")]


def test_over_http(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(PAGE)
    frame = pd.DataFrame({"Owner": [Lozenge("Bo", "Green")]})
    plan = wiki.page(page.id).table("macro:details").replace(frame)
    assert "Owner  Ann → Bo" in repr(plan)
    assert "Owner" in plan._repr_html_()
    assert plan.apply().changed_cells == 1
    assert not wiki.page(page.id).table("macro:details").replace(frame).changed
