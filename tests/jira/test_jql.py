"""Composing JQL: what a person wrote keeps its meaning, judged by running it."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schedkit.demo import DemoSite
from schedkit.errors import JqlError
from schedkit.jira.jql import Query, chunks, in_list, parse, quoted

WORDS = st.sampled_from(
    [
        "plain",
        "order by key",
        "a OR b",
        "it's",
        'say "so"',
        "(open",
        "close)",
        "back\\slash",
        "ORDER",
        "ünï",
        "and",
    ]
)
SIMPLE = st.one_of(
    st.sampled_from(
        [
            "project = DEMO",
            "project in (OPS, 'MOB')",
            "issuetype != Bug",
            "assignee is EMPTY",
            "statusCategory = Done",
            "created >= 2025-01-01",
            "labels in (q1, customer)",
            "reporter = currentUser()",
            "priority in (High,\nLow)",
        ]
    ),
    WORDS.map(lambda words: f"summary ~ {quoted(words)}"),
)
WHERE = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " or ", " and\t"]), inner).map("".join),
        inner.map(lambda c: f"({c})"),
        inner.map(lambda c: f"NOT ({c})"),
    ),
    max_leaves=6,
)
ORDER = st.sampled_from(["", " ORDER BY key", " order  by created DESC, key", "\nOrder\tBy key desc"])


@settings(max_examples=1500 if os.environ.get("SCHEDKIT_THOROUGH") else 60)
@given(where=WHERE, order=ORDER, extra=WHERE)
@example(where="project = DEMO OR project = OPS", order="", extra="issuetype = Bug OR priority = High")
def test_composed_queries_mean_what_they_meant(
    demo_site: DemoSite, where: str, order: str, extra: str
) -> None:
    search = demo_site.dc.searcher.search
    whole = list(search(where + order).ids)
    query = parse(where + order)
    assert list(search(str(query)).ids) == whole
    both = list(search(str(query.also(extra))).ids)
    wanted = set(search(extra).ids)
    assert both == [id for id in whole if id in wanted]
    assert list(search(str(query.ordered("key ASC"))).ids) == sorted(
        whole, key=lambda id: (lambda key: (key[0], int(key[1])))(demo_site.store.issues[id].key.split("-"))
    )


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=60))
def test_any_text_splits_without_loss_or_is_refused(text: str) -> None:
    try:
        query = parse(text)
    except JqlError:
        assert any(mark in text for mark in "'\"()")
        return
    joined = "".join((query.where + query.order).split())
    rest = "".join(text.split())
    assert joined == rest or joined == rest.lower().replace("orderby", "", 1) or len(rest) - len(joined) == 7


@given(WORDS | st.text(max_size=20))
def test_quoting_keeps_the_text_together(text: str) -> None:
    assert parse(f"summary ~ {quoted(text)} order by key").order == "key"


def test_lists_and_pieces() -> None:
    assert in_list("key", ["A-1", "A-2"]) == 'key in ("A-1", "A-2")'
    assert in_list("id", [1, 2]) == "id in (1, 2)"
    assert [len(c) for c in chunks(list(range(1001)))] == [500, 500, 1]
    assert list(chunks([])) == []
    assert str(Query()) == ""
    assert str(Query(order="key")) == "ORDER BY key"
    assert str(Query().also("a = 1")) == "a = 1"
    assert str(parse("order by key").also("a = 1")) == "a = 1 ORDER BY key"


@pytest.mark.parametrize("jql", ["a = 'x", 'a = "x', "a in (1", "a = 1)", "a = 'x\\'"])
def test_what_is_not_closed_is_refused(jql: str) -> None:
    with pytest.raises(JqlError):
        parse(jql)


def test_escaped_marks_in_words() -> None:
    query = parse(r"summary ~ it\'s AND text ~ smile:\) order by key")
    assert query == Query(r"summary ~ it\'s AND text ~ smile:\)", "key")
    assert str(parse("a = b\\")) == "a = b\\"


def test_half_characters_are_refused() -> None:
    with pytest.raises(JqlError, match="the JQL has an unpaired Unicode surrogate at position 6"):
        parse("a = '\ud83d'")
