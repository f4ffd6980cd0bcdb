"""Arguments as notebooks have them: cells of frames, columns as lists, members of enumerations.

Each call takes them as it takes Python's own values; what cannot be meant is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
import pandas as pd
import pytest
from bench.flow_input import frames

from schedkit import After, Retry, at, calendar, cron, every, excel, flow
from schedkit.confluence import Confluence, Image, Look, Lozenge
from schedkit.confluence.tables.render import render
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.data import of
from schedkit.demo import DemoSite
from schedkit.errors import ParameterError, SchedkitError, UsageError
from schedkit.jira import Jira
from schedkit.notify import Channel
from tests.jira.conftest import client


class Word(str, Enum):  # noqa: UP042  # as people write it; StrEnum formats otherwise
    TAB = "0 7 * * mon-fri"
    ZONE = "Europe/Berlin"
    TASK = "nightly"
    RATE = "5/min"
    PLACE = "thread"
    SHEET = "Bugs"
    FILE = "bugs.xlsx"
    KEY = "Key"
    DAY = "mon"


class Plain(Enum):
    OPEN = "open"


class Row(NamedTuple):
    project: str


FRAME = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [1, 2], "Level": [0, 1]})
NOON = datetime(2026, 3, 1, 12)

TRIGGERS: list[tuple[Callable[[Any], Any], list[Any]]] = [
    (lambda n: calendar(weeks=n, tz="UTC"), [2, np.int64(2), np.uint8(2)]),
    (lambda n: every(hours=n), [2, np.int64(2), np.float32(2), Decimal(2)]),
    (every, [90, np.int64(90), np.timedelta64(90, "s"), pd.Timedelta("90s"), Decimal(90)]),
    (of, [pd.Timedelta("1h"), np.timedelta64(1, "h")]),
    (of, [NOON, pd.Timestamp(NOON), np.datetime64(NOON)]),
    (of, [date(2026, 3, 1), np.datetime64("2026-03-01")]),
    (at, [NOON, pd.Timestamp(NOON), np.datetime64(NOON), "2026-03-01 12:00"]),
    (lambda end: every("1d", end=end), [date(2026, 3, 1), "2026-03-01", np.datetime64("2026-03-01")]),
    (cron, [Word.TAB, Word.TAB.value]),
    (lambda tz: cron("0 7 * * *", tz=tz), [Word.ZONE, Word.ZONE.value]),
    (lambda n: Retry(n, delay=n, backoff=n, jitter=0), [2, np.int64(2)]),
]


@pytest.mark.parametrize(("make", "spellings"), TRIGGERS)
def test_a_trigger(make: Callable[[Any], Any], spellings: list[Any]) -> None:
    first, *others = map(make, spellings)
    for other in others:
        assert (other, repr(other)) == (first, repr(first))


def test_a_moment_of_a_trigger_is_a_plain_datetime() -> None:
    moment = at(pd.Timestamp("2026-03-01T07:00", tz="Europe/Berlin")).next(datetime(2026, 1, 1, tzinfo=UTC))
    assert type(moment) is datetime


def work(project: Any = "KAFKA", limit: Any = 5) -> Any:
    return [project, limit]


@pytest.fixture
def sched(tmp_path: Path) -> Any:
    with Scheduler(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("options", "field", "read"),
    [
        ({"priority": np.int64(5)}, "priority", 5),
        ({"timeout": np.timedelta64(5, "m")}, "timeout", 300.0),
        ({"max_instances": np.int32(3)}, "max_instances", 3),
        ({"misfire_grace_time": np.int64(60)}, "misfire_grace", 60.0),
        ({"coalesce": np.False_}, "coalesce", False),
        ({"enabled": np.True_}, "enabled", True),
        ({"retry": np.int64(2)}, "retry", Retry(2)),
        ({"rate": Word.RATE}, "rate", None),
        ({"runs_in": Word.PLACE}, "executor_kind", "thread"),
        ({"tags": pd.Series([Word.TASK, "jira"])}, "tags", ("nightly", "jira")),
        ({"after": np.array(["work"])}, "after", (After("work"),)),
        ({"description": Word.TASK}, "description", "nightly"),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_an_option_of_a_task(sched: Scheduler, options: dict[str, Any], field: str, read: Any) -> None:
    sched.task(name="work")(work)
    task = sched.task(name=Word.TASK, **options)(work).task
    found = getattr(task, field)
    if read is not None:
        assert (found, type(found)) == (read, type(read))
    assert (task.name, type(task.name), f"{task.name}") == ("nightly", str, "nightly")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (FRAME["Points"].max(), 2), (np.True_, True), (np.float32(0.5), 0.5), (np.str_("a"), "a"),
        ([np.int64(1), {"n": np.int64(2)}], [1, {"n": 2}]),
    ],
)  # fmt: skip
def test_a_parameter(sched: Scheduler, given: Any, read: Any) -> None:
    handle = sched.task(name="work")(work)
    _, found = handle.submit(limit=given).result(timeout=30)
    assert (found, type(found)) == (read, type(read) if type(read) is not str else type(given))
    sched.add_job(work, "interval", minutes=np.int64(5), id="job", args=["A", given])
    assert sched.tasks["job"].task.params["limit"] == read


def test_rows_of_a_frame_as_parameters(sched: Scheduler) -> None:
    rows = pd.DataFrame({"project": ["A", "B"], "limit": [1, 2]})
    sched.task(name="work")(work)
    for batch in (rows.to_dict("records"), (row for _, row in rows.iterrows())):
        assert [run.result(timeout=30) for run in sched.submit_many("work", batch)] == [["A", 1], ["B", 2]]
    for wrong in (rows, rows.itertuples(), [Row("A")], ["A"]):
        with pytest.raises(ParameterError, match=r"is not a mapping of parameters.*to_dict"):
            sched.submit_many("work", wrong)


def test_times_of_pandas_and_numpy_at_a_scheduler(sched: Scheduler) -> None:
    sched.task(every("1h", start="2026-01-01"), name="work")(work)
    runs = sched.backfill("work", pd.Timestamp("2026-11-01 00:00"), np.datetime64("2026-11-01T01:30"))
    assert len(runs) == 2
    for run in runs:  # each of the two lists below is read by itself
        run.result("60s")
    done = sched.runs(states=["DONE"])
    assert len(done) == 2
    assert sched.runs(states="done") == done
    job = sched.add_job(work, "cron", day_of_week=Word.DAY, hour=np.int64(7), id="job")
    assert "07:00 on Monday" in str(job)


def test_an_option_of_a_scheduler(tmp_path: Path) -> None:
    made = Scheduler(
        tmp_path / "l.db", concurrency=np.int64(3), limits={"jira": np.int64(2)}, keep_results=np.int32(4)
    )
    assert made.process.options["concurrency"] == 3


@pytest.mark.parametrize(
    "options",
    [
        {"links": np.False_}, {"totals": np.True_}, {"outline": np.True_, "collapse": np.int64(0)},
        {"mode": "upsert", "key": pd.Index(["Key"]), "missing": "delete", "max_drop": np.float32(0.5)},
        {"mode": "upsert", "key": (name for name in ["Key"])}, {"key": Word.KEY},
        {"properties": {"keywords": pd.Series(["a", "b"])}}, {"summary": np.True_},
    ],
    ids=lambda options: next(iter(options)),
)  # fmt: skip
def test_an_option_of_a_workbook(options: dict[str, Any], tmp_path: Path) -> None:
    assert excel.write(FRAME, tmp_path / "a.xlsx", **options).rows == 2


def test_names_of_a_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for data in (FRAME, {Word.SHEET: FRAME}):
        excel.write(data, Word.FILE, sheet=Word.SHEET if data is FRAME else None)
        assert openpyxl.load_workbook("bugs.xlsx").sheetnames == ["Bugs"]
    members = pd.DataFrame({Word.KEY: [Word.TASK, Plain.OPEN], Plain.OPEN: [1, 2]})
    excel.write(members, "m.xlsx")
    rows = [("Key", "open"), ("nightly", 1), ("open", 2)]
    assert list(openpyxl.load_workbook("m.xlsx").active.values) == rows
    excel.write(members, "m.csv")
    assert Path("m.csv").read_text("utf-8-sig").split() == ["Key,open", "nightly,1", "open,2"]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_a_duration_of_numpy_beside_a_number_is_no_number(unit: str, tmp_path: Path) -> None:
    hour = np.timedelta64(1, "h").astype(f"timedelta64[{unit}]")
    cells = np.empty(2, dtype=object)
    cells[:] = [np.int64(1), hour]
    excel.write(pd.DataFrame({"a": cells}), tmp_path / "a.xlsx")
    _, one, other = openpyxl.load_workbook(tmp_path / "a.xlsx").active.values
    assert (one, other[0]) == ((1,), pd.Timedelta("1h").to_pytimedelta())


def test_a_link_that_is_a_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchedkitError, match=r"the link of column 'Key' needs exactly one {}"):
        excel.write(FRAME, tmp_path / "a.xlsx", links={"Key": lambda key: f"https://x/{key}"})


@pytest.fixture(scope="module")
def history() -> flow.History:
    issues, changes, _ = frames(6)
    return flow.History(issues, changes, now="2026-01-01")


@pytest.mark.parametrize(
    "percentiles", [(50, 85), np.array([50, 85]), pd.Series([50, 85]), [np.float32(50), Decimal(85)]]
)
def test_percentiles(history: flow.History, percentiles: Any) -> None:
    found = flow.control_chart(history, percentiles=percentiles, rolling=np.int64(3))
    pd.testing.assert_frame_equal(found, flow.control_chart(history, percentiles=(50, 85), rolling=3))
    flow.forecast_when(history, n=np.int64(3), percentiles=percentiles, trials=np.int64(10))


@pytest.mark.parametrize("percentiles", [(50, 85), np.array([50, 85]), pd.Series([50, 85])])
def test_whole_percentiles_are_shown_as_given(history: flow.History, percentiles: Any) -> None:
    forecast = flow.forecast_when(history, n=3, percentiles=percentiles, trials=10)
    assert list(map(str, forecast["Percentile"])) == ["50", "85"]


@pytest.mark.parametrize(
    "day",
    [
        "2026-12-25", date(2026, 12, 25), pd.Timestamp("2026-12-25"), np.datetime64("2026-12-25"),
        pd.Timestamp("2026-12-25", tz="Europe/Berlin"), datetime(2026, 12, 25, 12),
    ],
)  # fmt: skip
def test_a_holiday_is_a_day_of_its_own_zone(day: Any) -> None:
    hours = flow.WorkingHours(start=time(9), end="17:00", tz="Europe/Berlin", holidays=[day])
    assert hours.holidays.astype(str).tolist() == ["2026-12-25"]
    assert hours.blocks == [(9 * 3600, 17 * 3600)]


def test_pages_and_tables() -> None:
    wiki = Confluence("https://wiki.example.org", token="s", cloud=False)
    assert repr(wiki.page(np.int64(5))) == repr(wiki.page(5)) == repr(wiki.page("5"))
    assert Image("a.png", width=np.int64(400)).storage == Image("a.png", width=400).storage
    with pytest.raises(UsageError, match="width=True is not a number of pixels"):
        Image("a.png", width=True)


def test_members_of_enumerations_on_a_page() -> None:
    assert Lozenge(Word.TASK, "Red").storage == Lozenge("nightly", "Red").storage
    members, texts = ([Word.TASK, Plain.OPEN], ["nightly", "open"])
    for look in (
        Look(),
        Look(lozenges={"Key": {"nightly": "Red"}}),
        Look(links={"Key": "https://x.example/{}"}),
    ):
        made, expected = (render(pd.DataFrame({"Key": each}), look=look).columns for each in (members, texts))
        assert made == expected


def test_a_channel_of_columns() -> None:
    channel = Channel("TEAM", on=pd.Index(["failed"]), tasks={"bugs": 1}.keys())
    assert (list(channel.on), list(channel.tasks)) == (["failed"], ["bugs"])
    for wrong in ("failed", {"failed": 1}, [5], None):
        with pytest.raises(SchedkitError, match="is not a list of texts"):
            Channel("TEAM", tasks=wrong)


@pytest.fixture(scope="module", params=["cloud", "dc"])
def jira(request: pytest.FixtureRequest, demo_site: DemoSite) -> Jira:
    return client(demo_site, request.param)


def test_issues_of_a_site(jira: Jira) -> None:
    df = jira.search("project = DEMO", fields=pd.Index(["summary"]), limit=np.int64(3))
    keys = df["Key"].tolist()
    expected = jira.changelog(keys)
    for issues in ((key for key in keys), df["Key"], np.array(keys), dict.fromkeys(keys, 1).keys()):
        pd.testing.assert_frame_equal(jira.changelog(issues), expected)
    assert jira.keys(df, fields="summary")["Key"].tolist() == keys
    assert len(jira.root(keys[0], links_depth=np.int64(0))) >= 1
    with pytest.raises(UsageError, match="is not a project's key"):
        jira.project(["DEMO"])


class Label(str, Enum):  # noqa: UP042  # as people write it; StrEnum formats otherwise
    WEB = "web"
    DONE = "Done"


@pytest.mark.parametrize("member", [Label.WEB, Plain.OPEN])
def test_members_of_enumerations_are_written_as_their_values(jira: Jira, member: Enum) -> None:
    for column, cell, text in (("Summary", member, member.value), ("Labels", [member], [member.value])):
        plans = [
            jira.edit(pd.DataFrame({"Key": ["DEMO-1"], column: pd.Series([each], dtype=object)}))
            for each in (cell, text)
        ]
        assert str(plans[0]) == str(plans[1])
        assert f" → {member.value}" in str(plans[0])
    assert str(jira.comment("DEMO-1", Label.WEB)) == str(jira.comment("DEMO-1", "web"))
    assert str(jira.transition("DEMO-2", Label.DONE)) == str(jira.transition("DEMO-2", "Done"))
