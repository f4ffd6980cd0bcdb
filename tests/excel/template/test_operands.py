"""Values of cells as formulas see them."""

from __future__ import annotations

import pytest

from schedkit.excel.template.operands import BLANK, Value, joined, number_of, of_xml, same, stored, written


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (None, BLANK),
        ('<c r="A1" s="3"/>', BLANK),
        ('<c r="A1"><v>2.5</v></c>', 2.5),
        ('<c r="A1" t="n"><v>7</v></c>', 7.0),
        ('<c r="A1" t="s"><v>1</v></c>', "b"),
        ('<c r="A1" t="s"><v>9</v></c>', None),
        ('<c r="A1" t="s"><v>x</v></c>', None),
        ('<c r="A1" t="str"><f>B1</f><v>a_x0041_</v></c>', "aA"),
        ('<c r="A1" t="inlineStr"><is><t>x &amp; y</t></is></c>', "x & y"),
        ('<c r="A1" t="b"><v>1</v></c>', True),
        ('<c r="A1" t="b"><v>0</v></c>', False),
        ('<c r="A1" t="e"><v>#N/A</v></c>', None),
        ('<c r="A1" t="d"><v>2026-11-29</v></c>', None),
        ('<c r="A1"><f>B1</f></c>', None),
        ('<c r="A1"><v>damaged</v></c>', None),
    ],
)
def test_cells_of_a_sheet(cell: str | None, value: Value) -> None:
    found = of_xml(cell, ["a", "b"])
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("letter", "text", "value"),
    [
        ("n", "2", 2.0),
        ("d", "46000.5", 46000.5),
        ("s", "2", "2"),
        ("b", "true", True),
        ("e", "#N/A", None),
        ("n", "damaged", None),
        ("n", "", None),
        ("d", "1e999", None),
        ("n", "nan", None),
    ],
)
def test_stored_cells_by_their_kind(letter: str, text: str, value: Value) -> None:
    assert stored(letter, text) == value


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("a", "A", True),
        (1.0, 1.0, True),
        (1.0, "1", False),
        (True, 1.0, False),
        (BLANK, 0.0, True),
        ("", BLANK, True),
        (BLANK, BLANK, True),
        (BLANK, False, True),
        (BLANK, True, False),
        (BLANK, "x", False),
        (None, 1.0, None),
    ],
)
def test_equal_values(left: Value, right: Value, equal: bool | None) -> None:
    assert same(left, right) is equal


def test_numbers_and_texts() -> None:
    values: list[Value] = [BLANK, 2.0, "x", True, None]
    assert [number_of(value) for value in values] == [0.0, 2.0, None, None, None]
    assert [joined("<", value) for value in values] == ["<", "<2", "<x", None, None]
    assert joined(0.5, "") is None
    kinds, texts = written([1.0, 2.5, "<", True, BLANK, None])
    assert kinds.to_pylist() == ["", "", ' t="str"', ' t="b"', "", ""]
    assert texts.to_pylist() == ["1", "2.5", "&lt;", "1", "0", None]
