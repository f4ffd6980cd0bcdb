"""Charts on their way to a page."""

from __future__ import annotations

import pytest
from confluence.test_chart import ALT, BUGS, PNG

from schedkit.confluence import Chart, Image
from schedkit.confluence.plans.charts import beside_table, files_of, with_images
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.source.regions import region
from schedkit.confluence.tables.render import render
from schedkit.errors import UsageError


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("anchor:open-bugs", "open-bugs"), ("heading:Offene Fehler (ä)/2", "offene-fehler-ä-2"),
        ("nth:3", "table-3"), ("macro:details:x", "details-x"),
    ],
)  # fmt: skip
def test_a_chart_is_named_by_its_region(spelled: str, name: str) -> None:
    edit, (file,) = beside_table(TableEdit(region(spelled), render(BUGS)), Chart(PNG, alt=ALT))
    assert file.name == f"{name}.png"
    assert len(edit.edits) == 2


def test_charts_of_one_name() -> None:
    one, other = Chart(PNG, alt=ALT, name="a.png"), Chart(PNG + b"2", alt=ALT, name="a.png")
    assert [file.name for file in files_of({"x": one, "y": one, "z": 1})] == ["a.png"]
    with pytest.raises(UsageError, match=r"two charts are named 'a\.png'"):
        files_of({"x": one, "y": other})
    assert with_images({"x": one, "n": 1}) == {"x": Image("a.png", ALT), "n": 1}
    with pytest.raises(UsageError, match="invalid attachment name"):
        files_of({"x": Chart(PNG, alt=ALT, name="a/b.png")})
