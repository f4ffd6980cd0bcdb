"""The data holds every kind an extraction meets, is the same for a seed, and makes sense."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from schedkit.demo import DemoSite
from schedkit.demo.jira.encode import Encoder
from schedkit.demo.world import fields, words
from schedkit.demo.world.generate import generate
from schedkit.demo.world.model import Issue

ANCHOR = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)


def told(issue: Issue) -> tuple[object, ...]:
    return (
        issue.key,
        issue.summary,
        issue.created,
        issue.updated,
        issue.status.name,
        issue.parent,
        issue.seed,
    )


def test_a_seed_makes_the_same_world_and_another_another() -> None:
    one, again, other = generate(80, 7, ANCHOR), generate(80, 7, ANCHOR), generate(80, 8, ANCHOR)
    assert [told(i) for i in one.issues] == [told(i) for i in again.issues]
    assert [told(i) for i in one.issues] != [told(i) for i in other.issues]


def test_dates_follow_the_anchor() -> None:
    day = 86_400_000
    early, late = generate(40, 7, ANCHOR), generate(40, 7, ANCHOR + day)
    assert [i.created + day for i in early.issues] == [i.created for i in late.issues]
    assert all(i.created <= i.updated <= ANCHOR for i in early.issues)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20])
def test_small_worlds(count: int) -> None:
    assert len(generate(count, 7, ANCHOR).issues) == count


def test_every_kind_of_issue_and_value_is_there(demo_site: DemoSite) -> None:
    issues = list(demo_site.store.visible())
    store = demo_site.store
    assert {i.type.name for i in issues} == {"Initiative", "Epic", "Story", "Task", "Bug", "Sub-task"}
    assert {i.status.category for i in issues} == {"new", "indeterminate", "done"}
    assert {i.project.key for i in issues} == {"DEMO", "OPS", "MOB", "GRE", "LAB"}
    held = {slug for i in issues for slug in i.custom}
    computed = {"sprint", "epic_link", "parent_link", "rank", "estimate", "empty", "sla"}
    assert held == {field.slug for field in fields.CUSTOM} - computed
    parents = [(i, store.issues[i.parent]) for i in issues if i.parent]
    assert any(i.project is not p.project and not p.project.hidden for i, p in parents), "cross-project"
    assert any(p.project.hidden for _, p in parents), "invisible"
    assert all(i.project is p.project for i, p in parents if i.type.level < 0), "sub-tasks stay at home"
    assert {p.type.level - i.type.level for i, p in parents} == {1}
    assert any(i.moved_from for i in issues)
    people = [u for i in issues for u in (i.assignee, i.reporter) if u]
    assert any(u.display is None for u in people)
    assert any(u.email is None for u in people)
    assert any(not u.active for u in people)
    assert len({u.zone for u in people}) > 10
    assert {i.assignee is None for i in issues} == {True, False}
    assert any(len(store.description(i) or "") >= words.LONG for i in issues)
    assert any(store.description(i) is None for i in issues)
    assert set(words.HOSTILE) <= {i.summary for i in issues}


def test_one_cycle_of_links(demo_site: DemoSite) -> None:
    blocks = {
        (link.source, link.target)
        for links in demo_site.store.links.values()
        for link in links
        if link.type.name == "Blocks"
    }
    a, b, c = (issue.id for issue in list(demo_site.store.visible())[-3:])
    assert {(a, b), (b, c), (c, a)} <= blocks


def test_names_repeat_once() -> None:
    names = [field.name for field in fields.CUSTOM]
    assert [name for name in set(names) if names.count(name) > 1] == ["Customer"]
    ids = [id_ for field in fields.FIELDS for id_ in (field.cloud,) if id_]
    assert len(ids) == len(set(ids))
    assert all(f.cloud != f.dc for f in fields.CUSTOM if f.cloud and f.dc)


def test_a_changelog_leads_to_the_status_of_today(demo_site: DemoSite) -> None:
    store = demo_site.store
    moved = 0
    for issue in store.visible():
        entries = store.history(issue)
        assert [e.at for e in entries] == sorted(e.at for e in entries)
        assert all(issue.created <= e.at <= issue.updated for e in entries)
        steps = [(e.at, c) for e in entries for c in e.changes if c.field_id == "status"]
        for (_, before), (_, after) in pairwise(steps):
            assert before.now == after.was
        if steps:
            moved += 1
            assert steps[-1][1].now_text == issue.status.name
        if issue.resolved and steps:
            assert steps[-1][0] == issue.resolved
        assert (issue.resolved is not None) == (issue.status.category == "done")
    assert moved > 100


def test_worklogs_add_up(demo_site: DemoSite) -> None:
    store = demo_site.store
    worked = [i for i in store.visible() if i.spent]
    assert len(worked) > 20
    for issue in store.visible():
        assert sum(log.seconds for log in store.worklogs(issue)) == (issue.spent or 0)
    assert any(len(store.worklogs(i)) > 20 for i in worked)


def test_an_encoder_keeps_no_more_than_its_budget(
    demo_site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder(demo_site.dc.values, demo_site.store, budget=20_000)
    issues, fields = list(demo_site.store.visible()), encoder.choose(["*all"], "*all")
    encoded: list[Issue] = []
    one = encoder.one

    def noted(issue: Issue, fields: tuple[str, ...]) -> bytes:
        encoded.append(issue)
        return one(issue, fields)

    monkeypatch.setattr(encoder, "one", noted)
    first = encoder.many(issues, fields)
    assert first == demo_site.dc.encoder.many(issues, fields)
    encoded.clear()
    assert encoder.many(issues, fields) == first
    kept = [issue for issue in issues if issue not in encoded]
    assert 20_000 <= sum(len(one(issue, fields)) + 1 for issue in kept) < 80_000
    for issue in issues:
        encoder.forget(issue.id)
    encoded.clear()
    assert encoder.many(issues, fields) == first
    assert encoded == issues
    assert encoder.many([], fields, b"[", b"]") == b"[]"
    demo_site.store.listeners.remove(encoder.forget)


def test_issues_weigh_what_was_asked() -> None:
    with DemoSite(issues=400, issue_kb=7) as site:
        for desk in (site.cloud, site.dc):
            every = desk.encoder.choose(["*all"], "*all")
            size = len(desk.encoder.many(site.store.visible(), every)) / 400 / 1024
            assert 6.4 < size < 8.3
    with DemoSite(issues=400, issue_kb=20) as site:
        every = site.dc.encoder.choose(["*all"], "*all")
        assert 17 < len(site.dc.encoder.many(site.store.visible(), every)) / 400 / 1024 < 23
