"""Where a region is created, and what is compared after writing."""

from __future__ import annotations

import pytest
from support.confluence_pages import anchor
from support.confluence_tables import NAMES, OLD, cells, edit, report

from schedkit.confluence.plans.edit import Draft, outside
from schedkit.errors import MalformedPageError, RegionError, UsageError


@pytest.mark.parametrize(
    ("create", "source", "new"),
    [
        ("end", "<p>x</p>", "<p>x</p>{}"),
        ("start", "<p>x</p>", "{}<p>x</p>"),
        ("heading:Here", "<h2>Here</h2><p>x</p>", "<h2>Here</h2>{}<p>x</p>"),
        ("end", "<ac:layout><ac:layout-cell>a</ac:layout-cell><ac:layout-cell>b</ac:layout-cell></ac:layout>",
         "<ac:layout><ac:layout-cell>a</ac:layout-cell><ac:layout-cell>b{}</ac:layout-cell></ac:layout>"),
        ("start", "<ac:layout><ac:layout-cell>a</ac:layout-cell></ac:layout>",
         "<ac:layout><ac:layout-cell>{}a</ac:layout-cell></ac:layout>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["anchor:bugs", "heading:Bugs & more"])
def test_a_region_is_created_where_asked(create: str, source: str, new: str, where: str) -> None:
    draft = edit(
        source,
        {"Key": ["K-1", "K-2"], "Summary": ["one", "two"]},
        create=create,
        where=where,
        keep=["Comment"],
        cap=1,
    )
    assert cells(draft, where) == [NAMES, ["K-1", "one", ""], ["… and 1 more", "", ""]]
    head, _, tail = new.partition("{}")
    assert draft.new.startswith(head)
    assert draft.new.endswith(tail)
    assert report(draft).added == ["K-1"]
    assert report(draft).hidden == 1


def test_an_existing_region_is_not_created_again() -> None:
    draft = edit(OLD, {"Key": ["K-1"], "Summary": ["uno"]}, create="end")
    assert draft.new.count("<table") == OLD.count("<table")


def test_a_region_that_lost_its_table_is_refused_rather_than_made_twice() -> None:
    with pytest.raises(RegionError, match="there is no table"):
        edit(anchor("t") + "<p>gone</p>", {"Key": ["K-1"]}, create="end")


@pytest.mark.parametrize(
    ("create", "where", "problem"),
    [
        ("heading:None", "anchor:x", "has 0 headings 'None'"),
        ("end", "nth:1", "none can be created by that name"),
        ("end", "macro:expand", "there is no such macro"),
        ("end", "heading:X/2", "none can be created by that name"),
    ],
)
def test_places_that_cannot_be(create: str, where: str, problem: str) -> None:
    source = "<p>x</p>" if where != "macro:expand" else "<table />"
    with pytest.raises(RegionError, match=problem):
        edit(source, {"Key": ["K-1"]}, create=create, where=where)


@pytest.mark.parametrize(
    ("create", "hint"), [("middle", 'write create="end"'), ("strat", "'start'"), ("heading: ", "TEXT")]
)
@pytest.mark.parametrize("source", [OLD, "<p>x</p>"])
def test_a_place_that_is_none_is_refused_whether_it_is_needed_or_not(
    create: str, hint: str, source: str
) -> None:
    with pytest.raises(UsageError, match="names no place") as caught:
        edit(source, {"Key": ["K-1"]}, create=create)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("source", "create", "new"),
    [
        ("<h2>Bugs</h2><p>intro</p>", "end", "<h2>Bugs</h2><p>intro</p>{}"),
        ("<h2>Bugs</h2><p>intro</p>", "start", "<h2>Bugs</h2>{}<p>intro</p>"),
        ("<h2>Bugs</h2><p>a</p><h2>X</h2><table />", "end", "<h2>Bugs</h2><p>a</p>{}<h2>X</h2><table />"),
        ("<h2>Bugs</h2><p>a</p><h2>More</h2>", "heading:More", "<h2>Bugs</h2><p>a</p>{}<h2>More</h2>"),
        ("<ac:layout><ac:layout-cell><h2>Bugs</h2></ac:layout-cell></ac:layout><p>z</p>", "end",
         "<ac:layout><ac:layout-cell><h2>Bugs</h2>{}</ac:layout-cell></ac:layout><p>z</p>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["heading:Bugs", "heading: Bugs /1"])
def test_a_heading_without_a_table_gets_one_in_its_section(
    source: str, create: str, new: str, where: str
) -> None:
    made = edit(source, {"Key": ["K-1"]}, create=create, where=where)
    head, _, tail = new.partition("{}")
    assert made.new.startswith(head + "<table>")
    assert made.new.endswith("</table>" + tail)
    assert not edit(made.new, {"Key": ["K-1"]}, create=create, where=where).changed


def test_headings_of_one_text_get_no_table() -> None:
    with pytest.raises(RegionError, match="2 such headings"):
        edit("<h2>Bugs</h2><h2>Bugs</h2>", {"Key": ["K-1"]}, create="end", where="heading:Bugs")


@pytest.mark.parametrize(
    ("template", "where", "new"),
    [
        (f"<h1>Runs</h1><p>of {anchor('bugs')} today</p><p>end</p>", "anchor:bugs",
         f"<h1>Runs</h1><p>of {anchor('bugs')} today</p>" "{}<p>end</p>"),
        (f"<ac:layout><ac:layout-cell>{anchor('bugs')}</ac:layout-cell></ac:layout>", "anchor:bugs",
         f"<ac:layout><ac:layout-cell>{anchor('bugs')}" "{}</ac:layout-cell></ac:layout>"),
        ("<h2>Bugs</h2><p>a</p><h2>X</h2>", "heading:Bugs", "<h2>Bugs</h2><p>a</p>{}<h2>X</h2>"),
    ],
)  # fmt: skip
def test_a_page_without_the_region_gets_a_template_once(template: str, where: str, new: str) -> None:
    made = edit("<p>ours</p>", {"Key": ["K-1"]}, create="end", where=where, template=template)
    head, _, tail = new.partition("{}")
    assert made.new.startswith(f"<p>ours</p>{head}<table>")
    assert made.new.endswith("</table>" + tail)
    assert not edit(made.new, {"Key": ["K-1"]}, create="end", where=where, template=template).changed


def test_a_table_of_the_template_is_filled() -> None:
    sample = f"{anchor('bugs')}<table class='x'><tbody><tr><th>Key</th></tr></tbody></table><p>end</p>"
    made = edit("", {"Key": ["K-1"]}, create="end", where="anchor:bugs", template=sample)
    assert "<table class='x'>" in made.new
    assert cells(made, "anchor:bugs") == [["Key"], ["K-1"]]


@pytest.mark.parametrize(
    ("template", "error", "problem"),
    [
        ("<p>x</p>", RegionError, "the template has no anchor:bugs, where the table would be put"),
        (anchor("bugs") * 2, RegionError, "the template has no single table at anchor:bugs: there are 2"),
        (anchor("bugs") + "<p>", MalformedPageError, "the template"),
    ],
)
def test_templates_without_the_place(template: str, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        edit("<p>x</p>", {"Key": ["K-1"]}, create="end", where="anchor:bugs", template=template)


def test_a_created_region_checks_the_frames_keys_too() -> None:
    with pytest.raises(RegionError, match="twice"):
        edit("<p />", {"Key": ["K-1", "K-1"]}, create="end")


@pytest.mark.parametrize(
    ("stored", "verdict"),
    [
        ("<p>a</p><b>new</b><p>z</p>", "identical"),
        ("<p>a</p><b local-id='1'>new</b><p>z</p>", "identical"),
        ("<p local-id='1'>a</p><b>new</b><p>z</p>", "rewritten"),
        ("<p>a</p><b>new</b><p>Z</p>", "changed"),
        ("<p>a</p>", "changed"),
    ],
)
def test_what_was_stored_is_compared_outside_the_edits(stored: str, verdict: str) -> None:
    draft = Draft("<p>a</p>old<p>z</p>", "<p>a</p><b>new</b><p>z</p>", [(8, 11, "<b>new</b>")])
    assert outside(draft, stored) == verdict


def test_without_places_the_whole_page_is_compared() -> None:
    draft = Draft("<p>a</p>", "<p>b</p>", [])
    assert [outside(draft, f"<p{id}>b</p>") for id in ("", " id='1'")] == ["identical", "rewritten"]
    assert outside(draft, "<p>c</p>") == "changed"
