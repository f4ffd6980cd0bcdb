"""Cells of a row as text, in the usual notation and in others."""

from __future__ import annotations

import pytest

from schedkit.excel.parts.sheet_cells import cells_of, lacks_value, value_of, with_value

PLAIN = '<c r="A5" s="1"/>'
TEXT = '<c r="B5" t="inlineStr"><is><t>x &gt; y</t></is></c>'
FORMULA = '<c r="AB5" s="2"><f>A5*2</f><v>4</v></c>'
SHARED = '<c r="AC5"><f t="shared" si="0"/><v>1</v></c>'
FONT = '<c r="AD5" t="inlineStr"><is><r><rPr><family val="2"/></rPr><t>x</t></r></is></c>'


@pytest.mark.parametrize("between", ["", "\n  "])
@pytest.mark.parametrize(
    "cells",
    [
        {1: PLAIN, 2: TEXT, 28: FORMULA, 29: SHARED},
        {28: FORMULA, 30: FONT},
        {1: "<c s='1' r='A5'/>", 28: FORMULA},
        {1: '<x:c r="A5"><x:f>1</x:f></x:c>', 2: '<x:c r="B5"/>'},
        {2: TEXT.replace("x", "a:c"), 28: FORMULA},
        {28: '<c r="AB5" cm=">"><f>1</f></c>'},
    ],
)
def test_cells_by_column(cells: dict[int, str], between: str) -> None:
    xml = between + between.join(cells.values()) + between
    assert cells_of(xml, 5) == cells


def test_cells_without_addresses_follow_the_one_before() -> None:
    assert cells_of('<c/><c r="C5"/><c><f>1</f></c>', 5) == {
        1: '<c r="A5"/>',
        3: '<c r="C5"/>',
        4: '<c r="D5"><f>1</f></c>',
    }


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (PLAIN, "n", None),
        (TEXT, "inlineStr", "x > y"),
        (FORMULA, "n", "4"),
        (FONT, "inlineStr", "x"),
        (
            '<c r="A1" t="inlineStr"><is><t>a</t><rPh sb="0" eb="1"><t>b</t></rPh><t/></is></c>',
            "inlineStr",
            "a",
        ),
        ("<x:c r='A1' t='str'><x:f>B1</x:f><x:v>a&amp;b</x:v></x:c>", "str", "a&b"),
        ('<c r="A1"><f>B1</f><v/></c>', "n", ""),
    ],
)
def test_values_of_cells(cell: str, kind: str, text: str | None) -> None:
    assert value_of(cell) == (kind, text)


@pytest.mark.parametrize(
    ("cell", "lacks"),
    [
        (TEXT, False),
        (FORMULA, False),
        ('<c r="A1"><f>B1</f></c>', True),
        ('<c r="A1"><f>B1</f><v></v></c>', True),
        ('<c r="A1" t="str"><f>B1</f><v></v></c>', False),
    ],
)
def test_formulas_without_a_value(cell: str, lacks: bool) -> None:
    assert lacks_value(cell) is lacks


@pytest.mark.parametrize(
    ("cell", "kind", "made"),
    [
        (FORMULA, "", '<c r="AB5" s="2"><f>A5*2</f><v>7</v></c>'),
        (SHARED, "", '<c r="AC5"><f t="shared" si="0"/><v>7</v></c>'),
        ('<c r="A1" t="e"><f>B1</f><v>#N/A</v></c>', "", '<c r="A1"><f>B1</f><v>7</v></c>'),
        (
            "<x:c r='A1' t='b'><x:f>B1</x:f></x:c>",
            ' t="str"',
            "<x:c r='A1' t=\"str\"><x:f>B1</x:f><x:v>7</x:v></x:c>",
        ),
    ],
)
def test_formulas_get_another_value(cell: str, kind: str, made: str) -> None:
    assert with_value(cell, kind, "7") == made
