"""Templates, and what their placeholders become."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.confluence_templates import MakePage, block, bugs, fresh_title

from schedkit.confluence import Confluence, Lozenge, Managed, Markup, Plan
from schedkit.confluence.plans.template import rendered_template
from schedkit.demo import DemoSite
from schedkit.errors import (
    MalformedPageError,
    RegionError,
    UsageError,
)


@pytest.mark.parametrize(
    ("template", "given", "problem"),
    [
        ("<p>{{ a }}</p>", {}, "'a' has no value"),
        ("<p>{{ a }}{{ a }}</p>", {"a": 1}, "'a' 2 times"),
        ("<p>x</p>", {"a": 1}, "'a' 0 times"),
        ('<p title="{{ a }}">x</p>', {"a": 1}, "inside markup"),
        ("<![CDATA[{{ a }}]]>", {"a": 1}, "inside markup"),
        ("<p>{{ a }}</p>", {"a b": 1}, "invalid placeholder name 'a b'"),
    ],
)
def test_templates_that_do_not_fit(template: str, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        rendered_template(template, given, True)


def test_templates_that_are_malformed() -> None:
    with pytest.raises(MalformedPageError, match="the template is not well-formed"):
        rendered_template("<p>{{ a }}", {"a": 1}, True)
    with pytest.raises(MalformedPageError, match="the page made from the template"):
        rendered_template("<p>{{ a }}</p>", {"a": Markup("<b>")}, True)
    with pytest.raises(RegionError, match="twice"):
        rendered_template("<p>{{ a }}</p>", {"a": Managed(bugs("x", "y").assign(Key="K-1"), key="Key")}, True)


def test_names_in_braces_that_are_no_placeholder_stay() -> None:
    assert rendered_template("<p>{{ 1 }} {x} {{}}</p>", {}, True) == "<p>{{ 1 }} {x} {{}}</p>"


JIRA = (
    '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="jqlQuery">project = {{ project }}'
    "</ac:parameter></ac:structured-macro>"
)


def test_parameters_and_titles_get_plain_text(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    given: dict[str, Any] = {"project": Lozenge("A & B", "Blue"), "n": 1}
    template = f"{JIRA}<p>{{{{ project }}}} {{{{ n }}}}</p>"
    plan = wiki.publish(f"{title} {{{{ project }}}}", parent=100003, template=template, values=given)
    assert "project = A &amp; B</ac:parameter>" in plan.source
    assert Lozenge("A & B", "Blue").storage in plan.source
    assert plan.title == f"{title} A & B"
    assert plan.version == 0
    assert plan.apply().title == f"{title} A & B"


def test_what_stands_in_parameters_only_is_set_once(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)

    def plan(project: str, n: int) -> Plan:
        given = {"project": project, "n": n}
        return wiki.publish(title, parent=100003, template=f"{JIRA}<p>{{{{ n }}}}</p>", values=given)

    page_id = plan("APOLLO", 1).apply().page_id
    again = plan("OTHER", 2)
    assert repr(again).splitlines()[1:] == ["project: set when the page was made", "n: 1 → 2"]
    again.apply()
    assert "project = APOLLO<" in demo.wiki.pages[page_id].body


@pytest.mark.parametrize(
    ("template", "where"),
    [
        ("<p>see {{ t }} here</p>", "not allowed inside <p>"),
        ("<h1>{{ t }}</h1>", "not allowed inside <h1>"),
        ("<ul><li>{{ t }}</li></ul>", "not allowed inside <li>"),
        ("<p><strong>{{ t }}</strong></p>", "not allowed inside <strong>"),
        (JIRA.replace("project }}", "t }}"), "where only text is allowed"),
    ],
)
def test_a_table_in_running_text_is_refused_with_its_place(template: str, where: str) -> None:
    with pytest.raises(UsageError, match=f"placeholder 't' is a table, .*{where}"):
        rendered_template(template, {"t": bugs("one")}, True)


@pytest.mark.parametrize(
    "template",
    [
        "{{ t }}",
        '<p local-id="1"> {{ t }} </p>',
        "<ac:layout><ac:layout-cell>{{ t }}</ac:layout-cell></ac:layout>",
        "<div>before {{ t }}</div>",
    ],
)
def test_a_table_stands_where_blocks_stand(template: str) -> None:
    assert "<table>" in rendered_template(template, {"t": bugs("one")}, True)


def test_a_template_may_be_a_page(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    template = wiki.page(make_page("<p>{{ n }} bugs</p>").id)
    plan = wiki.publish(fresh_title(demo), parent=100003, template=template, values={"n": 3})
    assert f"<p>{block('n', '3')} bugs</p>" == plan.source

    async def same() -> str:
        made = await wiki.aio.publish(
            fresh_title(demo), parent=100003, template=template.aio, values={"n": 3}
        )
        return made.source

    assert asyncio.run(same()) == plan.source
