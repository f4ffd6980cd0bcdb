"""Writing back: the plan shows it, apply does it once, the site has it; faults never double anything."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira
from schedkit.jira.table.fields import EPIC_LINK, Field
from schedkit.jira.write.values import wire_value
from tests.jira.conftest import client


def puts(site: DemoSite, method: str = "PUT") -> int:
    return len(site.requests.matching(method=method))


def pick(jira: Jira, *columns: str, n: int = 3) -> pd.DataFrame:
    return jira.search("project = DEMO ORDER BY key", fields=["Key", *columns], limit=n)


def test_an_edit_shows_what_it_does_and_does_it(site: DemoSite, jira: Jira) -> None:
    df = pick(jira, "Summary", "Priority", "Labels", "Due")
    keys = list(df["Key"])
    df.loc[0, "Summary"] = "A better <b>summary</b>"
    df["Priority"] = pd.Series(["Low", *df["Priority"].astype(object)[1:]])
    df.at[1, "Labels"] = ("new", "labels")
    df.loc[2, "Due"] = "2027-03-04"
    old = site.store.get(keys[0]).summary
    plan = jira.edit(df)
    assert puts(site) == 0
    face = repr(plan)
    assert f"{keys[0]}  Summary: {old} → A better <b>summary</b>" in face
    assert ".apply() does it" in face
    html = plan._repr_html_()
    assert "A better &lt;b&gt;summary&lt;/b&gt;" in html
    assert "<b>" not in html
    assert set(zip(plan.frame["Key"], plan.frame["Field"], strict=True)) == {
        (keys[0], "Summary"), (keys[0], "Priority"), (keys[1], "Labels"), (keys[2], "Due"),
    }  # fmt: skip
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"] * 3
    assert puts(site) == 3
    issue = site.store.get(keys[0])
    assert issue.summary == "A better <b>summary</b>"
    assert issue.priority is not None
    assert issue.priority.name == "Low"
    assert site.store.get(keys[1]).labels == ("labels", "new")
    assert site.store.get(keys[2]).due == "2027-03-04"
    assert "applied" in repr(plan)
    again = plan.apply()
    pd.testing.assert_frame_equal(again, outcome)
    assert puts(site) == 3, "nothing is sent twice"


def test_an_unchanged_frame_plans_nothing(jira: Jira) -> None:
    df = jira.search("project = DEMO", limit=20)
    plan = jira.edit(df)
    assert len(plan) == 0
    assert len(plan.frame) == 0
    assert len(plan.apply()) == 0


def people(site: DemoSite) -> None:
    """Answer the search for users from the site's books."""
    from starlette.responses import JSONResponse

    def search(request):
        if not request.url.path.endswith("/user/search"):
            return None
        params = request.query_params
        wanted = params.get("query", params.get("username", "")).casefold()
        return JSONResponse(
            [
                {"accountId": u.account_id, "name": u.name, "displayName": u.display, "emailAddress": u.email}
                for u in site.store.catalog.users
                if u.active and wanted in f"{u.display} {u.email} {u.name}".casefold()
            ]
        )

    site.before(search)


KINDS = [
    "Description", "Severity", "Platforms", "Root Cause", "Business Value", "Go-live", "Tags",
    "Documentation", "Release Notes", "Components", "Fix Versions", "Priority", "Due",
]  # fmt: skip


def test_many_kinds_of_fields(dialect: str) -> None:
    """An issue takes over the cells of others, whatever their kind, and reads as they do."""
    with DemoSite(issues=200) as site:
        jira = client(site, dialect)
        df = jira.search("project = DEMO ORDER BY key", fields=["Key", *KINDS], markup="raw")
        target = df.iloc[[0]].copy()
        target["Description"] = target["Release Notes"] = "Line one\nLine *two*"
        target["Tags"] = pd.Series([("fresh", "tags")], index=target.index)
        for column in set(KINDS) - {"Description", "Release Notes", "Tags"}:
            filled = df[column].map(lambda v: v != () if isinstance(v, tuple) else pd.notna(v))
            other = filled & (df[column].astype(str) != str(target[column].iloc[0]))
            assert other.any(), column
            target[column] = pd.Series(
                [df[column][other.idxmax()]], index=target.index, dtype=df[column].dtype
            )
        plan = jira.edit(target, columns=KINDS)
        outcome = plan.apply()
        assert list(outcome["Outcome"]) == ["done"], outcome["Detail"][0]
        after = jira.keys(list(target["Key"]), fields=["Key", *KINDS], markup="text")
        for column in set(KINDS) - {"Description", "Release Notes"}:
            assert after[column][0] == target[column].iloc[0], column
        assert (
            len(jira.edit(target, columns=[c for c in KINDS if c not in ("Description", "Release Notes")]))
            == 0
        )


def test_people_in_cells(site: DemoSite, jira: Jira) -> None:
    people(site)
    df = pick(jira, "Assignee", "Reviewers", n=2)
    users = [u for u in site.store.catalog.users if u.display and u.active and u.kind == "atlassian"][:3]
    df["Assignee"] = [users[0].display, None]
    df["Reviewers"] = pd.Series([(users[1].display, users[2].display), ()])
    outcome = jira.edit(df).apply()
    assert set(outcome["Outcome"]) <= {"done"}
    one, two = (site.store.get(key) for key in df["Key"])
    assert one.assignee is users[0]
    assert two.assignee is None
    df["Assignee"] = ["Nobody Like This", "Nobody Like This"]
    plan = jira.edit(df)
    assert len(plan) == 0
    assert "no user is called 'Nobody Like This'" in plan.frame["New"][0]


def test_emptying_a_field(site: DemoSite, jira: Jira) -> None:
    df = jira.search("project = DEMO AND duedate is not EMPTY", fields=["Due", "Labels"], limit=1)
    df.loc[0, "Due"] = pd.NaT
    df.at[0, "Labels"] = ()
    assert set(jira.edit(df).apply()["Outcome"]) == {"done"}
    issue = site.store.get(df["Key"][0])
    assert issue.due is None
    assert issue.labels == ()


def test_a_lost_answer_is_read_back_and_nothing_sent_twice(site: DemoSite, jira: Jira) -> None:
    df = pick(jira, "Summary", n=1)
    df.loc[0, "Summary"] = "Written once"
    plan = jira.edit(df)
    site.faults = "rate=1,kinds=lost,method=PUT,times=1"
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"]
    assert "read back" in outcome["Detail"][0]
    assert puts(site) == 1
    assert site.store.get(df["Key"][0]).summary == "Written once"


def test_a_write_without_effect_is_sent_once_more(site: DemoSite, jira: Jira) -> None:
    df = pick(jira, "Summary", n=1)
    df.loc[0, "Summary"] = "Second attempt"
    plan = jira.edit(df)
    site.faults = "rate=1,kinds=503,method=PUT,times=1"
    assert list(plan.apply()["Outcome"]) == ["done"]
    assert puts(site) == 2
    df.loc[0, "Summary"] = "Never arrives"
    plan = jira.edit(df)
    site.faults = "rate=1,kinds=reset,method=PUT"
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["unknown"]
    assert "the site now shows: open" in outcome["Detail"][0]
    assert site.store.get(df["Key"][0]).summary == "Second attempt"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: HTMLResponse("<html><title>Company portal</title></html>"),
        lambda: HTMLResponse("<html><title>Log in</title></html>"),
        lambda: RedirectResponse("https://sso.example.org/login", 302),
    ],
)
def test_a_write_that_a_proxy_answers_is_not_sent_again(
    site: DemoSite, jira: Jira, answer: Callable[[], Response]
) -> None:
    df = pick(jira, "Summary", n=1)
    old = site.store.get(df["Key"][0]).summary
    df.loc[0, "Summary"] = "Behind a portal"
    plan = jira.edit(df)
    undo = site.before(lambda request: answer() if request.method == "PUT" else None)
    outcome = plan.apply()
    undo()
    assert list(outcome["Outcome"]) == ["failed"]
    assert outcome["Detail"][0].endswith("read back: nothing was written")
    assert (puts(site), site.store.get(df["Key"][0]).summary) == (1, old)


def test_limits_on_writes_are_waited_for(site: DemoSite, jira: Jira) -> None:
    df = pick(jira, "Summary", n=5)
    df["Summary"] = [f"Throttled {n}" for n in range(5)]
    plan = jira.edit(df)
    site.faults = "rate=0.5,kinds=429,method=PUT,after=0s"
    assert set(plan.apply()["Outcome"]) == {"done"}


def test_what_someone_else_changed_is_left_alone(site: DemoSite, jira: Jira) -> None:
    df = pick(jira, "Priority", "Labels", n=2)
    keys = list(df["Key"])
    df["Labels"] = pd.Series([("mine",), ("mine",)])
    plan = jira.edit(df, columns=["Labels"])
    site.store.edit(keys[0], labels=("theirs",))
    site.store.edit(keys[1], labels=("mine",))
    outcome = plan.apply().set_index("Key")
    assert outcome["Outcome"].to_dict() == {keys[0]: "changed meanwhile", keys[1]: "already done"}
    assert "theirs" in outcome["Detail"][keys[0]]
    assert puts(site) == 0
    assert site.store.get(keys[0]).labels == ("theirs",)


def test_what_the_site_refuses_is_told_per_issue(site: DemoSite, jira: Jira) -> None:
    df = pick(jira, "Summary", n=3)
    df["Summary"] = ["Good", "Bad\nwith a line break", "Good too"]
    outcome = jira.edit(df).apply()
    assert list(outcome["Outcome"]) == ["done", "failed", "done"]
    assert "newline" in outcome["Detail"][1]


def test_issues_that_cannot_be_had(site: DemoSite, jira: Jira) -> None:
    df = pd.DataFrame({"Key": ["DEMO-1", "DEMO-99999", "VAULT-1"], "Summary": ["Here", "Gone", "Hidden"]})
    plan = jira.edit(df)
    assert "2 cannot be" in repr(plan)
    assert "refused" in plan._repr_html_()
    assert (plan.frame["New"].astype(str).str.startswith("refused")).sum() == 2
    outcome = plan.apply().set_index("Key")["Outcome"]
    assert outcome.to_dict() == {"DEMO-1": "done", "DEMO-99999": "failed", "VAULT-1": "failed"}
    site.store.move("DEMO-3", "OPS")
    moved = jira.edit(pd.DataFrame({"Key": ["DEMO-3"], "Summary": ["x"]}))
    assert "it has moved" in moved.frame["New"][0]


@pytest.mark.parametrize(
    ("frame", "columns", "words"),
    [
        ({"Summary": ["x"]}, None, "no column 'Key'"),
        ({"Key": ["A-1", "A-1"], "Summary": ["x", "y"]}, None, "holds A-1 twice"),
        ({"Key": ["A-1"]}, None, "no column that can be edited"),
        ({"Key": ["A-1"], "Summary": ["x"]}, ["Priority"], "no column 'Priority'"),
        ({"Key": ["A-1"], "Status": ["Done"]}, ["Status"], "use jira.transition"),
        ({"Key": ["A-1"], "Status Category": ["Done"]}, ["Status Category"], "use jira.transition"),
        ({"Key": ["A-1"], "Created": ["x"]}, ["Created"], "Jira sets it"),
        ({"Key": ["A-1"], "Sprint": [("x",)]}, ["Sprint"], "cannot be edited"),
        ({"Key": ["A-1"], "Sumary": ["x"]}, None, "did you mean 'Summary'"),
        ({"Key": ["A 1"], "Summary": ["x"]}, None, "not an issue key"),
    ],
)
def test_frames_that_cannot_be_written(jira: Jira, frame: dict, columns: list | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        jira.edit(pd.DataFrame(frame), columns)


def test_a_changed_status_in_a_frame_is_not_ignored(jira: Jira) -> None:
    df = pick(jira, "Summary", "Status", "Updated", n=1)
    df["Status"] = "Somewhere else"
    plan = jira.edit(df)
    assert "use jira.transition" in plan.frame["New"][0]


def test_what_jira_keeps_itself_is_told(jira: Jira) -> None:
    df = pick(jira, "Summary", "Status Category", "Created", "Updated", n=2)
    assert not jira.edit(df).aio.notes
    df["Created"] = pd.Timestamp("2020-01-01", tz="UTC")
    df["Status Category"] = pd.Series([df["Status Category"][0], "Nowhere"])
    df.loc[0, "Summary"] = "Another summary"
    plan = jira.edit(df)
    assert len(plan) == 1
    assert "note: Created differs, which Jira sets itself: not written (2 issues)" in repr(plan)
    assert "Status Category differs, which Jira sets itself: not written (1 issue)" in plan._repr_html_()
    assert list(plan.apply()["Outcome"]) == ["done"]


def test_a_formatted_text_is_not_flattened_unasked(dialect: str) -> None:
    with DemoSite(issues=120) as site:
        jira = client(site, dialect)
        frames = {
            form: jira.search("project = DEMO ORDER BY key", fields=["Key", "Release Notes"], markup=form)
            for form in ("text", "markdown", "raw")
        }
        rich = frames["text"]["Release Notes"].fillna("") != frames["markdown"]["Release Notes"].fillna("")
        assert rich.any()
        for form, frame in frames.items():
            plan = jira.edit(frame)
            assert len(plan) == 0, f"{form}: an unchanged text is unchanged, however it was read"
            assert not plan.aio.notes
        df = frames["text"].loc[rich].head(1).copy()
        df["Release Notes"] = "Only words now"
        plan = jira.edit(df)
        face = "note: Release Notes loses its formatting: the new text is taken as wiki markup (1 issue)"
        assert face in repr(plan)
        assert list(plan.apply()["Outcome"]) == ["done"]
        assert not jira.edit(df.assign(**{"Release Notes": "Other words"})).aio.notes, (
            "there was none to lose"
        )
        df["Release Notes"] = '{"type":"doc","version":1,"content":[]}'
        assert "document as JSON" in repr(jira.edit(df))


def test_a_value_of_the_wrong_type(jira: Jira) -> None:
    df = pick(jira, "Due", n=1)
    df["Due"] = "soon"
    assert "'soon' is not a value of Due" in jira.edit(df).frame["New"][0]
    # In a column in UTC, a midnight of Berlin is an evening of the day before.
    df["Due"] = pd.Timestamp("2027-03-04", tz="Europe/Berlin").tz_convert("UTC")
    assert "is not a value of Due" in jira.edit(df).frame["New"][0]


def test_transitions(site: DemoSite, jira: Jira) -> None:
    df = jira.search("project = DEMO AND statusCategory != Done ORDER BY key", limit=4)
    keys = list(df["Key"])
    plan = jira.transition(df, "done")
    assert len(plan) == 4
    assert f"{keys[0]}  Status: {df['Status'][0]} → Done" in repr(plan)
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"] * 4
    assert {site.store.get(key).status.name for key in keys} == {"Done"}
    assert len(jira.transition(keys, "Done")) == 0, "they are there already"
    assert (
        "no transition leads to 'Nowhere' from here; there are:"
        in jira.transition(keys[0], "Nowhere").frame["New"][0]
    )
    with pytest.raises(UsageError, match="no status was named"):
        jira.transition(keys, "")


def test_a_lost_transition_is_not_repeated(site: DemoSite, jira: Jira) -> None:
    key = jira.search("project = DEMO AND statusCategory != Done ORDER BY key", limit=1)["Key"][0]
    plan = jira.transition(key, "Done")
    site.faults = "rate=1,kinds=lost,method=POST,path=/transitions,times=1"
    assert list(plan.apply()["Outcome"]) == ["done"]
    assert len(site.requests.matching(method="POST", path="/transitions")) == 1
    issue = site.store.get(key)
    assert sum(c.field_id == "status" for h in issue.written_history for c in h.changes) == 1


def test_someone_else_moved_it_first(site: DemoSite, jira: Jira) -> None:
    key = jira.search("project = DEMO AND statusCategory != Done ORDER BY key", limit=1)["Key"][0]
    issue = site.store.get(key)
    plan = jira.transition(key, "Done")
    other = next(s for s in issue.project.statuses if s.name not in ("Done", issue.status.name))
    site.store.transition(key, other)
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["changed meanwhile"]
    assert other.name in outcome["Detail"][0]


def test_comments_once(site: DemoSite, jira: Jira) -> None:
    text = "The report says:\nplease look."
    plan = jira.comment(["DEMO-1", "DEMO-2"], text)
    assert "DEMO-1  Comment: (empty) → The report says: please look." in repr(plan)
    site.faults = "rate=1,kinds=lost,method=POST,path=/comment,times=1"
    assert list(plan.apply()["Outcome"]) == ["done", "done"]
    for key in ("DEMO-1", "DEMO-2"):
        assert sum(c.text == text for c in site.store.comments(site.store.get(key))) == 1
    assert len(jira.comment(["DEMO-1", "DEMO-2"], text)) == 0, "a task that runs again does not repeat itself"
    assert len(jira.comment("DEMO-1", {"DEMO-1": "Something else"})) == 1
    assert "DEMO-404" in repr(jira.comment(["DEMO-404"], "x"))
    with pytest.raises(UsageError, match="the comment on DEMO-2 has no text"):
        jira.comment(["DEMO-1", "DEMO-2"], {"DEMO-1": "x"})


def test_the_async_plan_from_another_loop(site: DemoSite, dialect: str) -> None:
    import asyncio

    jira = client(site, dialect)

    async def work() -> pd.DataFrame:
        plan = await jira.aio.comment(["DEMO-5"], "From elsewhere")
        assert "1 issues" in repr(plan)
        return await plan.apply()

    assert list(asyncio.run(work())["Outcome"]) == ["done"]


def test_long_plans_are_shortened(jira: Jira) -> None:
    keys = list(jira.search("project is not EMPTY", limit=30)["Key"])
    plan = jira.comment(keys, "x" * 200)
    assert "… and 10 more" in repr(plan)
    assert "… and 10 more" in plan._repr_html_()
    assert "x" * 79 + "…" in repr(plan)
    assert len(plan.frame) == 30


@pytest.mark.parametrize(
    ("field", "value", "wire"),
    [
        (
            Field("x", "X", "datetime"),
            pd.Timestamp("2026-01-02T03:04:05.678Z"),
            "2026-01-02T03:04:05.678+0000",
        ),
        (Field("x", "X", "array", "version"), ("1.0", "2.0"), [{"name": "1.0"}, {"name": "2.0"}]),
        (Field("x", "X", "number"), 3.0, 3),
        (Field("x", "X", "number"), 2.5, 2.5),
        (Field("x", "X", "number"), None, None),
        (Field("parent", "Parent", "issuelink"), "A-1", {"key": "A-1"}),
        (Field("x", "Epic Link", "any", None, EPIC_LINK), "A-1", "A-1"),
        (Field("x", "X", "option-with-child"), "A / B", {"value": "A", "child": {"value": "B"}}),
        (Field("x", "X", "option-with-child"), "A", {"value": "A"}),
    ],
)
def test_values_on_the_wire(field: Field, value: object, wire: object) -> None:
    assert wire_value(field, value) == wire


def test_lists_that_cannot_be_written() -> None:
    with pytest.raises(UsageError, match="it is a list of holograms"):
        wire_value(Field("x", "X", "array", "holograms"), ())
