"""New issues: shown, made once, and found again after a crash."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from support.ready_processes import ReadyProcess, begun, ended

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira

FRAME = pd.DataFrame(
    {
        "Project": ["DEMO", "OPS", "DEMO"],
        "Type": ["Bug", "Task", "Bug"],
        "Summary": ["It is <b>broken</b>", "Look at it", "It is <b>broken</b>"],
        "Priority": ["High", None, "High"],
        "Labels": [("a", "b"), (), ("a", "b")],
        "Description": ["Line one\nLine *two*", None, "Line one\nLine *two*"],
        "Assignee": ["Demo Analyst", None, "Demo Analyst"],
    }
)


def made(site: DemoSite) -> list[str]:
    return sorted(i.summary for i in site.store.issues.values() if i.id > 50_000_000)


def test_issues_are_shown_and_made_once(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME)
    assert made(site) == []
    assert "new 1  Summary: (empty) → It is <b>broken</b>" in repr(plan)
    assert "&lt;b&gt;" in plan._repr_html_()
    assert ("new 2", "Priority") not in set(zip(plan.frame["Key"], plan.frame["Field"], strict=True))
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"] * 3
    assert made(site) == sorted(FRAME["Summary"])
    issue = site.store.get(outcome["Key"][0])
    assert (issue.type.name, issue.priority.name, issue.labels) == ("Bug", "High", ("a", "b"))
    assert issue.assignee is site.store.catalog.me
    assert plan.apply().equals(outcome)
    again = jira.create(FRAME)
    assert len(again) == 0
    assert "created before, left out" in repr(again)
    more = pd.concat([FRAME, FRAME.head(1)], ignore_index=True)
    assert len(jira.create(more)) == 1, "a third equal row is a third issue"


def test_a_lost_answer_makes_no_second_issue(site: DemoSite, jira: Jira) -> None:
    plan = jira.create(FRAME.head(1))
    site.faults = "rate=1,kinds=lost,method=POST,path=/rest/api/2/issue,times=1"
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["done"]
    assert outcome["Key"][0].startswith("DEMO-")
    assert "read back" in outcome["Detail"][0]
    assert len(made(site)) == 1


def test_what_cannot_be_found_again_is_not_sent_again(site: DemoSite, jira: Jira) -> None:
    """A search index that lags: a second request could make a second issue."""
    plan = jira.create(FRAME.head(1))
    site.faults = "rate=1,kinds=503,method=POST,path=/rest/api/2/issue,times=1"
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["unknown"]
    assert "no such issue, yet" in outcome["Detail"][0]
    assert made(site) == []


def test_what_the_site_refuses_is_told_per_row(site: DemoSite, jira: Jira) -> None:
    df = pd.DataFrame(
        {
            "Project": ["DEMO", "NOPE", "DEMO", "DEMO"],
            "Type": ["Bug", "Bug", "Saga", "Bug"],
            "Summary": ["Good", "x", "y", ""],
            "Assignee": [None, None, None, None],
        }
    )
    outcome = jira.create(df.head(3).query("Project == 'DEMO'")).apply()
    assert list(outcome["Outcome"]) == ["done", "failed"]
    assert "issue type selected is invalid" in outcome["Detail"][1]
    plan = jira.create(df.tail(1))
    assert "a new issue has no Summary" in repr(plan)
    nobody = jira.create(df.head(1).assign(Summary="Other", Assignee="Nobody Like This"))
    assert "no user is called" in repr(nobody)
    assert len(made(site)) == 1


def test_a_parent_and_dates(site: DemoSite, jira: Jira) -> None:
    df = pd.DataFrame(
        {"Project": ["DEMO"], "Type": ["Sub-task"], "Summary": ["Below"], "Parent": ["DEMO-1"],
         "Due": [pd.Timestamp("2031-02-03")]}
    )  # fmt: skip
    outcome = jira.create(df).apply()
    issue = site.store.get(outcome["Key"][0])
    assert issue.parent == site.store.get("DEMO-1").id
    assert issue.due == "2031-02-03"


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"Project": ["DEMO"], "Type": ["Bug"]}, "no column 'Summary'"),
        ({"Project": ["DEMO"], "Type": ["Bug"], "Summary": ["x"], "Status": ["Done"]}, "jira.transition"),
        ({"Project": ["DEMO"], "Type": ["Bug"], "Summary": ["x"], "Labls": ["a"]}, "did you mean 'Labels'"),
    ],
)
def test_frames_that_cannot_be_created(jira: Jira, frame: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        jira.create(pd.DataFrame(frame))


_CHILD = """
import sys
import pandas as pd
from schedkit.jira import Jira
url, user, token = sys.argv[1:4]
jira = Jira(url, user=user or None, token=token, concurrency=1)
df = pd.DataFrame({"Project": ["DEMO"] * 6, "Type": ["Task"] * 6, "Summary": [f"Row {n}" for n in range(6)]})
jira.create(df).apply()
print("finished", flush=True)
"""


@pytest.mark.parametrize("at", [1, 3, 6])
def test_a_process_killed_between_two_rows_makes_none_twice(
    site: DemoSite, dialect: str, at: int, tmp_path: Path
) -> None:
    endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
    given = [endpoint.url, endpoint.user or "", endpoint.token]
    child: list[ReadyProcess] = []
    posted = iter(range(1, 10**6))
    ready = threading.Event()

    def kill(entry: object) -> None:
        if entry.method == "POST" and entry.path.endswith("/issue") and next(posted) == at:
            ready.wait(60)
            os.kill(child[0].pid, signal.SIGKILL)

    undo = site.after(kill)
    with begun(_CHILD, given, tmp_path) as process:
        child.append(process)
        ready.set()
        assert process.wait(60) == -signal.SIGKILL
    undo()
    assert len(made(site)) in (at, at + 1)
    assert ended(_CHILD, given, tmp_path).stdout == "finished\n"
    assert Counter(made(site)) == Counter(f"Row {n}" for n in range(6))


def test_an_estimate_is_given_as_a_duration(site: DemoSite, jira: Jira) -> None:
    row = {"Project": "DEMO", "Type": "Task", "Summary": "estimated", "Original estimate": 5_400}
    plan = jira.create(pd.DataFrame([row]))
    assert plan.apply()["Outcome"].tolist() == ["done"]
    assert [i.estimate for i in site.store.visible() if i.summary == "estimated"] == [5_400]


HOSTILE_NAMES = ("One, two", 'Line\nbreak, and "quotes"', "plain", "Ends, with, commas")


@pytest.fixture
def hostile(site: DemoSite) -> DemoSite:
    """A project whose components, versions and people have names with commas, line breaks and quotes."""
    project = site.store.project("DEMO")
    assert project is not None
    for number, name in enumerate(HOSTILE_NAMES):
        site.store.rename_element("DEMO", project.components[number].name, name)
        site.store.rename_element("DEMO", project.versions[number].name, f"v {name}")
    return site


def named(values: object) -> set[str]:
    return {getattr(each, "name", each) for each in values}


def test_names_with_commas_in_texts_stay_whole(hostile: DemoSite, jira: Jira) -> None:
    """As a workbook that another program wrote gives them: no issue shows them yet."""
    row = {
        "Project": "DEMO",
        "Type": "Bug",
        "Summary": "Lists",
        "Platforms": "Windows, Linux, ARM",
        "Components": ", ".join(HOSTILE_NAMES),
        "Fix Versions": f"v {HOSTILE_NAMES[1]}, v {HOSTILE_NAMES[3]}",
        "Affects Versions": 'v Line break, and "quotes"',
        "Reviewers": "O'Brien, Seán, Ada Lovelace",
        "Root Cause": "Code / Logic",
        "Labels": "one, two",
    }
    outcome = jira.create(pd.DataFrame([row])).apply()
    assert list(outcome["Outcome"]) == ["done"], outcome["Detail"][0]
    issue = hostile.store.get(outcome["Key"][0])
    assert named(issue.components) == set(HOSTILE_NAMES)
    assert named(issue.fix_versions) == {f"v {HOSTILE_NAMES[1]}", f"v {HOSTILE_NAMES[3]}"}
    assert named(issue.versions) == {f"v {HOSTILE_NAMES[1]}"}
    assert set(issue.custom["platforms"]) == {"Windows", "Linux, ARM"}
    assert [user.display for user in issue.custom["reviewers"]] == ["O'Brien, Seán", "Ada Lovelace"]
    assert issue.custom["cause"] == ("Code", "Logic")
    assert set(issue.labels) == {"one", "two"}


def test_issues_copied_by_a_workbook_that_another_program_saved(
    hostile: DemoSite, jira: Jira, tmp_path: Path
) -> None:
    project = hostile.store.project("DEMO")
    assert project is not None
    lists = ["Components", "Fix Versions", "Affects versions", "Platforms", "Reviewers", "Root Cause"]
    hostile.store.edit(
        "DEMO-1", components=project.components[:3], fix_versions=project.versions[1:4],
        versions=project.versions[:2],
        custom={"platforms": ("Linux, ARM", "iOS"), "reviewers": hostile.store.catalog.users[7:9],
                "cause": ("Code", "Logic")},
    )  # fmt: skip
    df = jira.keys(["DEMO-1"], fields=["Type", *lists]).assign(Project="DEMO", Summary="Copied")
    path = excel.write(df, tmp_path / "issues.xlsx").path
    book = openpyxl.load_workbook(path)
    book.save(path)
    back = excel.read(path)
    outcome = jira.create(back.drop(columns="Key")).apply()
    assert list(outcome["Outcome"]) == ["done"], outcome["Detail"][0]
    made = jira.keys([outcome["Key"][0]], fields=lists)
    for column in lists:
        assert made[column][0] == df[column][0], column
    assert len(made["Components"][0]) == 3


def test_one_type_of_issue_asks_for_its_screen_once(site: DemoSite, jira: Jira) -> None:
    rows = [
        {"Project": "DEMO", "Type": "Bug", "Summary": f"Row {n}", "Platforms": cell}
        for n, cell in enumerate(["Linux, ARM", "Windows, Linux, ARM", "Windows", None])
    ]
    jira.create(pd.DataFrame(rows).drop(columns="Platforms"))
    assert site.requests.count(path="/createmeta/") == 0, "no field has values to choose among"
    jira.create(pd.DataFrame(rows))
    assert site.requests.count(path="/createmeta/") == 2
