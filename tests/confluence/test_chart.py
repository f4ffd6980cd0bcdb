"""Charts beside tables and in templates: attached once, shown with an alternative text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from matplotlib.figure import Figure
from starlette.responses import Response
from support.confluence_pages import anchor, table
from support.confluence_templates import fresh_title

from schedkit.confluence import Applied, Chart, Confluence, Plan
from schedkit.demo import DemoSite
from schedkit.errors import FileError, ForbiddenError, UsageError

MakePage = Callable[[str], DemoPage]
PNG = b"\x89PNG\r\n\x1a\n"
BUGS = pd.DataFrame({"Key": ["K-1", "K-2"], "Summary": ["one", "two"]})
ALT = "Bugs by priority"


def bars(*counts: int) -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().bar(range(len(counts)), counts)
    return figure


def page_with_table(make_page: MakePage) -> DemoPage:
    return make_page(
        f"<p>{anchor('bugs')}</p>{table(['Key', 'Summary'], [['K-1', 'one'], ['K-2', 'two']])}<p>after</p>"
    )


def plan(wiki: Confluence, page: DemoPage, chart: Chart, df: pd.DataFrame = BUGS) -> Plan:
    return wiki.page(page.id).table("anchor:bugs").replace(df, key="Key", chart=chart)


def test_a_chart_is_put_behind_the_table_and_attached_once(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    demo.wiki.normalise = True
    page = page_with_table(make_page)
    first = plan(wiki, page, Chart(bars(3, 1), alt=ALT, width=400))
    assert repr(first).startswith(
        f"page {page.id} 'Page {page.id}', anchor:bugs: image '{ALT}' put on the page"
    )
    assert (first.changed, first.attaches, first.region) == (True, ["bugs.png"], "anchor:bugs")
    made = first.apply()
    assert (made.written, made.attached, made.outside) == (True, ("bugs.png",), "rewritten")
    _, image = page.body.split("</table>")
    assert 'ri:filename="bugs.png"' in image
    assert f'ac:alt="{ALT}"' in image
    assert 'ac:width="400"' in image
    assert image.endswith("after</p>")
    again = plan(wiki, page, Chart(bars(3, 1), alt=ALT, width=400))
    assert not again.changed
    sent = demo.requests.count(method="POST") + demo.requests.count(method="PUT")
    done = again.apply()
    assert (done.written, done.attached, done.puts) == (False, (), 0)
    assert demo.requests.count(method="POST") + demo.requests.count(method="PUT") == sent


def test_another_chart_makes_a_version_of_the_attachment_and_none_of_the_page(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = page_with_table(make_page)
    plan(wiki, page, Chart(bars(3, 1), alt=ALT)).apply()
    changed = plan(wiki, page, Chart(bars(3, 2), alt=ALT))
    assert changed.changed
    assert "chart 'bugs.png' attached" in repr(changed).splitlines()[0]
    assert "chart &#x27;bugs.png&#x27; attached" in str(changed._repr_html_())
    done = changed.apply()
    assert (done.written, done.version, done.attached) == (False, 2, ("bugs.png",))
    assert "1 chart attached" in str(done._repr_html_())
    (file,) = demo.wiki.pages[page.id].attachments.values()
    assert len(file.versions) == 2
    with_row = pd.DataFrame({"Key": ["K-1", "K-2"], "Summary": ["uno", "two"]})
    both = plan(wiki, page, Chart(bars(4), alt="Other"), with_row)
    assert "1 cell changes, image 'Other' put on the page" in repr(both)


def test_people_may_move_a_chart(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = page_with_table(make_page)
    plan(wiki, page, Chart(bars(3, 1), alt=ALT)).apply()
    begin = page.body.index("</table>") + len("</table>")
    end = page.body.index("<p>after")
    chart = page.body[begin:end]
    demo.wiki.edit_by_hand(page.id, lambda body: chart + body.replace(chart, "") + "<p>more</p>")
    moved = plan(wiki, page, Chart(bars(3, 1), alt="Other words"))
    moved.apply()
    assert page.body.startswith(chart.replace(ALT, "Other words"))
    assert page.body.count("ri:filename") == 1


def test_a_chart_in_a_template(wiki: Confluence, demo: DemoSite) -> None:
    title = f"Charts {demo.wiki.new_id()}"

    def publish(*counts: int) -> Applied:
        values = {"picture": Chart(bars(*counts), alt=ALT)}
        return wiki.publish(title, parent=100003, template="<p>{{ picture }}</p>", values=values).apply()

    made = publish(1, 2)
    (file,) = demo.wiki.pages[made.page_id].attachments.values()
    assert (file.title, made.attached) == ("picture.png", ("picture.png",))
    assert file.latest.data.startswith(PNG)
    assert publish(1, 2).attached == ()
    assert publish(1, 3).attached == ("picture.png",)
    assert demo.wiki.pages[made.page_id].latest.number == 1
    filled = wiki.page(made.page_id).fill({"picture": Chart(bars(1, 3), alt="Other")})
    assert "Bugs by priority → Other" in repr(filled)
    assert filled.apply().attached == ()


def test_what_a_chart_is_made_of(tmp_path: Path) -> None:
    path = tmp_path / "burn up.png"
    path.write_bytes(PNG)
    assert (Chart(str(path), alt=ALT).name, Chart(path, alt=ALT, name="b.png").name) == (
        "burn up.png",
        "b.png",
    )
    axes = bars(1).axes[0]
    assert Chart(axes, alt=ALT).data.startswith(PNG)
    assert Chart(bars(1, 2), alt=ALT).data == Chart(bars(1, 2), alt=ALT).data
    assert PNG.decode("latin1") not in repr(Chart(PNG, alt=ALT))
    with pytest.raises(FileError, match=r"nothing\.png"):
        Chart(tmp_path / "nothing.png", alt=ALT)


@pytest.mark.parametrize(
    ("figure", "options", "problem"),
    [
        (PNG, {"alt": " "}, "a chart needs an alternative text"),
        (PNG, {"alt": None}, "a chart needs an alternative text"),
        (BUGS, {}, "is not a chart"),
        (5, {}, "5 is not a chart"),
        (PNG, {"name": 5}, "name=5 is not a text"),
        (PNG, {"width": 0}, "width=0 is not a number of pixels"),
    ],
)
def test_what_is_no_chart(figure: Any, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Chart(figure, **{"alt": ALT, **options})


def test_a_chart_that_is_none_is_refused_before_anything_is_asked() -> None:
    wiki = Confluence("https://wiki.example.org", token="s", cloud=False)
    with pytest.raises(UsageError, match=r"chart=.* is not a Chart"):
        wiki.page(1).table("nth:1").replace(BUGS, chart=bars(1))


def test_the_table_behind_a_chart_is_not_named_by_it(wiki: Confluence, make_page: MakePage) -> None:
    second = table(["Week", "Who"], [["48", "Ada"]])
    page = make_page(f"{anchor('bugs')}{table(['Key', 'Summary'], [['K-1', 'one'], ['K-2', 'two']])}{second}")
    plan(wiki, page, Chart(bars(3, 1), alt=ALT)).apply()
    assert wiki.page(page.id).tables()["Also"].tolist() == ["anchor:bugs", ""]
    assert wiki.page(page.id).table("anchor:bugs").read()["Key"].tolist() == ["K-1", "K-2"]


def test_a_page_that_is_made_without_its_chart_is_told(wiki: Confluence, demo: DemoSite) -> None:
    given = {"parent": 100003, "template": "<p>{{ picture }}</p>", "values": {"picture": Chart(PNG, alt=ALT)}}
    title = fresh_title(demo)
    undo = demo.before(
        lambda request: Response(status_code=403) if "attachment" in request.url.path else None
    )
    with pytest.raises(ForbiddenError, match=r"is forbidden; page [0-9]+ .* itself is as planned"):
        wiki.publish(title, **given).apply()
    undo()
    done = wiki.publish(title, **given).apply()
    assert (done.written, done.attached) == (False, ("picture.png",))
