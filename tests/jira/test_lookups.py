"""Any endpoint, and what surrounds issues as frames."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pandas as pd
import pytest
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.errors import BadAnswerError, NotFoundError, UsageError
from schedkit.jira import Jira
from schedkit.jira.table.records import BOARDS, SPRINTS, USERS, VERSIONS, board_columns, records
from tests.jira.conftest import client


def test_any_endpoint(jira: Jira, demo_site: DemoSite, dialect: str) -> None:
    issue = jira.get("/rest/api/2/issue/DEMO-1", fields="summary")
    assert issue["fields"]["summary"] == demo_site.store.get("DEMO-1").summary
    assert asyncio.run(jira.aio.get("/rest/api/2/issue/DEMO-1"))["key"] == "DEMO-1"
    with pytest.raises(NotFoundError):
        jira.get("/rest/api/2/nothing-here")
    for path in ("rest/api/2/myself", "https://evil.example.org/", None):
        with pytest.raises(UsageError, match="not a path below the site's URL"):
            jira.get(path)


def test_sprints_with_their_dates(jira: Jira, demo_site: DemoSite) -> None:
    project = demo_site.store.project("DEMO")
    assert project is not None
    df = jira.sprints(project.board)
    held = demo_site.store.catalog.sprints[project.board]
    assert list(df["Id"]) == [s.id for s in held]
    assert list(df["Name"]) == [s.name for s in held]
    assert str(df["Completed"].dtype) == "datetime64[us, UTC]"
    first = df.iloc[0]
    for column, at in (("Activated", held[0].start), ("Completed", held[0].complete), ("End", held[0].end)):
        assert first[column] == pd.Timestamp(at, unit="ms", tz="UTC")
    assert pd.isna(df["Start"].iloc[-1])
    assert set(jira.sprints(project.board, state="active")["State"]) == {"active"}
    assert df.attrs["site"] == jira.site.url


def test_boards_and_their_columns(jira: Jira, demo_site: DemoSite) -> None:
    boards = jira.boards()
    assert {"DEMO", "OPS"} <= set(boards["Project"])
    one = jira.boards("OPS")
    assert list(one["Project"]) == ["OPS"]
    columns = jira.board(int(one["Id"][0]))
    project = demo_site.store.project("OPS")
    assert project is not None
    assert list(columns["Status Id"]) == [str(s.id) for s in project.statuses]
    about = columns.attrs["board"]
    assert about["estimation"] in set(jira.fields().query("name == 'Story Points'")["id"])
    assert about["filter"] == str(20_000 + project.board)
    with pytest.raises(UsageError, match="'x' is not a board's number"):
        jira.board("x")
    with pytest.raises(NotFoundError):
        jira.sprints(4711)


def test_versions_and_people(jira: Jira, demo_site: DemoSite, dialect: str) -> None:
    project = demo_site.store.project("DEMO")
    assert project is not None
    df = jira.versions("DEMO")
    assert list(df["Name"]) == [v.name for v in project.versions]
    assert list(df["Released"]) == [v.released for v in project.versions]
    assert list(df["Release"].dt.date.astype(str)) == [v.date for v in project.versions]
    people = jira.users("Zoë")
    assert list(people["Name"]) == ["Zoë Ångström"]
    assert people["Account" if people["User"].isna()[0] else "User"].notna().all()


def test_people_come_in_pages(dialect: str) -> None:
    with DemoSite(issues=20) as site:
        rows = [{"displayName": f"Sam {n}", "name": f"sam{n}", "accountId": f"a{n}"} for n in range(120)]

        def pages(request):
            if request.url.path.endswith("/user/search"):
                start = int(request.query_params["startAt"])
                return JSONResponse(rows[start : start + 50])
            return None

        site.before(pages)
        assert list(client(site, dialect).users("Sam")["Name"]) == [row["displayName"] for row in rows]


def test_answers_that_are_none(dialect: str) -> None:
    with DemoSite(issues=20) as site:
        jira = client(site, dialect)
        site.before(lambda request: JSONResponse([]) if "agile" in request.url.path else None)
        with pytest.raises(NotFoundError, match="has nothing at"):
            jira.boards()
        site.before(lambda request: JSONResponse({"x": 1}) if "agile" in request.url.path else None)
    with DemoSite(issues=20) as site:
        site.before(lambda request: JSONResponse({"x": 1}) if "agile" in request.url.path else None)
        with pytest.raises(BadAnswerError, match="without values"):
            client(site, dialect).boards()


def captured(shared_data: Path, name: str) -> object:
    return json.loads((shared_data / "jira" / name).read_text())


def test_captured_answers(shared_data: Path) -> None:
    """Sprints, boards, versions and people of other people's sites."""
    page = captured(shared_data, "andygrunwald__go-jira/testing__mock-data__sprints.json")
    sprints = records(page["values"], SPRINTS)
    assert sprints.loc[0, ["Id", "Name", "State", "Board"]].tolist() == [740, "Iteration-10", "closed", 734]
    assert sprints["Completed"][0] == pd.Timestamp("2016-04-28T05:08:48.543-07:00")
    board = board_columns(
        captured(
            shared_data, "mikebowler__jirametrics/spec__complete_sample__sample_board_1_configuration.json"
        )
    )
    assert board["Column"].tolist()[:4] == ["Backlog", "Ready", "In Progress", "Review"]
    assert board["Status Id"].tolist()[:4] == ["10000", "10001", "3", "10011"]
    assert board["Max"].tolist()[1:4] == [4, 3, 3]
    assert board.attrs["board"]["subquery"].startswith("fixVersion in")
    releases = records(
        captured(shared_data, "ankitpokhrel__jira-cli/pkg__jira__testdata__releases.json"), VERSIONS
    )
    assert releases["Released"].tolist()[:2] == [True, False]
    users = records(captured(shared_data, "ankitpokhrel__jira-cli/pkg__jira__testdata__users.json"), USERS)
    assert users["Account"].tolist()[:2] == ["5fb82376aca10c006949f35b", "5fb82376aca10c006949f35c"]
    boards = captured(shared_data, "ankitpokhrel__jira-cli/pkg__jira__testdata__boards.json")
    assert records(boards["values"], BOARDS)["Name"].tolist() == ["Board 1", "Board 2"]


def sla_cycle(start: int, spent: float, goal: float, **more: object) -> dict[str, object]:
    hours = {"elapsedTime": spent, "remainingTime": goal - spent, "goalDuration": goal}
    made = {name: {"millis": int(value * 3_600_000)} for name, value in hours.items()}
    return {"startTime": {"epochMillis": start}, "breached": spent > goal, **made, **more}


def test_every_cycle_of_a_service_level(dialect: str) -> None:
    with DemoSite(issues=30) as site:
        jira = client(site, dialect)
        done = sla_cycle(1_700_000_000_000, 5, 4, stopTime={"epochMillis": 1_700_020_000_000})
        runs = sla_cycle(1_700_030_000_000, 1, 4, paused=True)
        site.store.edit("DEMO-1", custom={"sla": {"completedCycles": [done], "ongoingCycle": runs}})
        site.store.edit("DEMO-2", custom={"sla": {"completedCycles": [done]}})
        df = jira.slas("project = DEMO")
        assert df["Key"].tolist() == ["DEMO-1", "DEMO-1", "DEMO-2"]
        assert df["Ongoing"].tolist() == [False, True, False]
        assert df["Breached"].tolist() == [True, False, True]
        assert df["Elapsed Hours"].tolist() == [5.0, 1.0, 5.0]
        assert df["Remaining Hours"].tolist() == [-1.0, 3.0, -1.0]
        assert df["Stopped"][0] == pd.Timestamp(1_700_020_000_000, unit="ms", tz="UTC")
        assert pd.isna(df["Stopped"][1])
        assert df["Paused"][1]
        assert set(df["Field"]) == {"Time to resolution"}
        assert df.attrs["extraction"]["complete"]
        shown = jira.search("key in (DEMO-1, DEMO-2) ORDER BY key", fields=["Time to resolution"])
        assert shown["Time to resolution"].tolist() == ["paused (1h of 4h)", "breached (5h of 4h)"]
        site.before(
            lambda request: (
                JSONResponse([{"id": "summary", "name": "Summary"}])
                if request.url.path.endswith("/field")
                else None
            )
        )
        with pytest.raises(UsageError, match="has no service levels"):
            client(site, dialect).slas("project = DEMO")
