"""Charts of reports: counted, drawn, attached beside the table, and not again for equal data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from schedkit.demo import DemoSite
from schedkit.errors import FileError, SettingsError, UnknownFieldError
from schedkit.report import Report, Tools, run_report
from schedkit.report.chart import ChartOptions, counted

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=80) as site:
        yield site


def report(jql: str = "type = Bug", **deliver: Any) -> Report:
    extract = {"site": "jira", "jql": f"{jql} order by key"}
    return Report.of({"name": "r", "extract": extract, "deliver": [deliver]})


def attached(site: DemoSite, title: str) -> list[Any]:
    return [
        file for page in site.wiki.pages.values() for file in page.attachments.values() if file.title == title
    ]


def test_a_chart_beside_the_table_of_a_report(tools: Tools, site: DemoSite) -> None:
    chart = {"count_by": ["Priority", "Status"], "alt": "Bugs by priority", "title": "$1 & <b>", "width": 500}
    page = {"site": "wiki", "page": "100001", "region": "anchor:open-bugs", "chart": chart, "max_drop": 1}
    for _ in range(2):
        run_report(report(confluence=page), tools)
    (file,) = attached(site, "open-bugs.png")
    assert len(file.versions) == 1
    assert file.latest.data.startswith(PNG)
    body = site.wiki.pages["100001"].body
    assert '<ac:image ac:width="500" ac:alt="Bugs by priority">' in body
    version = site.wiki.pages["100001"].latest.number
    run_report(report("type = Bug AND priority = High", confluence=page), tools)
    assert len(file.versions) == 2
    run_report(report("type = Bug AND priority = High", confluence=page), tools)
    assert (len(file.versions), site.wiki.pages["100001"].latest.number) == (2, version + 1)


def test_a_chart_on_each_page_of_a_template(tools: Tools, site: DemoSite) -> None:
    pages = {
        "site": "wiki", "parent": "100003", "title": "Chart of {{ value }}", "by": "Type",
        "template": "<p>{{ chart }}</p><p>{{ table }}</p>", "columns": ["Key", "Summary"],
        "chart": {"count_by": "Priority", "alt": "By priority"},
    }  # fmt: skip
    for _ in range(2):
        frame = run_report(report("project = DEMO", pages=pages), tools)
    files = attached(site, "chart.png")
    assert len(files) == frame["Type"].nunique()
    assert {len(file.versions) for file in files} == {1}


def draw(frame: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot(range(len(frame)))
    return figure


def test_a_chart_of_a_function_or_a_file(tools: Tools) -> None:
    frame = pd.DataFrame({"A": [1, 2]})
    drawn = ChartOptions(alt="x", call=f"{__name__}:draw").draw(frame, tools)
    assert drawn.data.startswith(PNG)
    (tools.root / "burn-up.png").write_bytes(PNG)
    assert ChartOptions(alt="x", file="burn-up.png").draw(frame, tools).name == "burn-up.png"
    with pytest.raises(FileError, match=r"none\.png"):
        ChartOptions(alt="x", file="none.png").draw(frame, tools)


def test_bars_of_anything(tools: Tools) -> None:
    ranks = pd.CategoricalDtype(["Low", "High"], ordered=True)
    frame = pd.DataFrame(
        {
            "Priority": pd.Series(["High", None, "Low", "High"], dtype=ranks),
            "Who": ["$a$_{", "山田 太郎", None, "x" * 200],
        }
    )
    for columns in (["Priority"], ["Who"], ["Who", "Priority"], ["Priority", "Who"]):
        one, again = (ChartOptions(alt="x", count_by=columns).draw(frame, tools) for _ in range(2))
        assert one.data == again.data
    assert ChartOptions(alt="x", count_by=["Who"]).draw(frame.head(0), tools).data.startswith(PNG)
    with pytest.raises(UnknownFieldError, match="no column 'Priorty'"):
        ChartOptions(alt="x", count_by=["Priorty"]).draw(frame, tools)


def test_a_bar_of_its_own_counts_what_has_no_room(tools: Tools) -> None:
    frame = pd.DataFrame({"Who": [f"p{n:02d}" for n in range(30) for _ in range(30 - n)], "A": "x"})
    one = _labels(ChartOptions(alt="x", count_by=["Who"]), frame)
    assert one[:2] == ["p00 30", "p01 29"]
    assert one[-1] == "11 others 66"
    assert len(one) == 20
    assert _labels(ChartOptions(alt="x", count_by=["Who", "A"]), frame) == one
    assert ChartOptions(alt="x", count_by=["Who"]).draw(frame, tools).data.startswith(PNG)


def _labels(options: ChartOptions, frame: pd.DataFrame) -> list[str]:
    counts = counted(frame, list(options.count_by or ()))
    return [f"{name} {total}" for name, total in counts.sum(axis=1).items()]


@pytest.mark.parametrize(
    ("chart", "problem"),
    [
        ({"alt": "x"}, "write exactly one of: count_by, file, call"),
        ({"alt": "x", "file": "a", "call": "b:c"}, "write exactly one of"),
        ({"alt": "x", "count_by": ["A", "B", "C"]}, "count_by takes one or two columns"),
        ({"count_by": "A"}, "alt"),
        ({"alt": "", "count_by": "A"}, "alt"),
    ],
)
def test_charts_that_are_not_said_well(chart: dict[str, Any], problem: str, tools: Tools) -> None:
    page = {"site": "wiki", "page": "100001", "region": "anchor:open-bugs", "chart": chart}
    with pytest.raises(SettingsError, match=problem):
        run_report(report(confluence=page), tools)
