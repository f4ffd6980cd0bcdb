"""Histories captured from real Jiras go through every function, with values read by hand beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import flow
from schedkit.errors import UsageError
from schedkit.flow import as_of, cumulative_flow, cycle_times, spans, status_spans, throughput, time_in_status
from schedkit.jira import to_changelog, to_frame
from schedkit.jira.table.statuses import statuses_of

SAMPLES = "mikebowler__jirametrics/spec__complete_sample__sample_"
UNTIL = pd.Timestamp("2022-06-01T00:00Z")


def captured(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted((folder / "jira").rglob("*.json")):
        value = json.loads(path.read_bytes())
        for issue in value.get("issues", [value]) if isinstance(value, dict) else []:
            if isinstance(issue, dict) and (issue.get("changelog") or {}).get("histories"):
                found.append((path.name, issue))
    return found


def scanned(issue: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """Every item, oldest first, read without our code."""
    entries = sorted(issue["changelog"]["histories"], key=lambda entry: (entry["created"], int(entry["id"])))
    return [
        (entry["created"], item["field"], item["fromString"], item["toString"])
        for entry in entries
        for item in entry["items"]
    ]


def test_every_item_of_every_captured_history(shared_data: Path) -> None:
    found = captured(shared_data)
    assert len(found) >= 13
    for name, issue in found:
        frame = to_changelog(issue)
        expected = scanned(issue)
        assert frame["When"].tolist() == [pd.Timestamp(row[0]) for row in expected], name
        assert frame["Field"].tolist() == [row[1] for row in expected]
        for column, place in (("From", 2), ("To", 3)):
            held = [None if pd.isna(value) else value for value in frame[column]]
            assert held == [row[place] for row in expected]
        assert frame["Field Id"].notna().all(), "each item is of a known field"


def test_every_field_of_every_captured_history_in_time(shared_data: Path) -> None:
    for name, issue in captured(shared_data):
        changes, issues = to_changelog(issue), to_frame(issue)
        created = pd.Timestamp(issue["fields"]["created"])
        for id in changes["Field Id"].cat.categories:
            held = spans(changes, id, issues)
            assert held["From"].iloc[0] == created, name
            assert held["To"].isna().tolist() == [False] * (len(held) - 1) + [True]
            assert held["From"].is_monotonic_increasing
        as_of(issues, changes, created, list(changes["Field Id"].cat.categories))
        stays = status_spans(issues, changes, until=UNTIL)
        moves = [row for row in scanned(issue) if row[1] == "status"]
        assert stays["Status"].tolist() == [moves[0][2], *(row[3] for row in moves)] if moves else True
        assert stays["Status"].iloc[-1] == issue["fields"]["status"]["name"]
        spent = time_in_status(issues, changes, until=UNTIL)
        assert spent.sum(axis=1).iloc[0] == UNTIL - created.as_unit("us")
        assert cumulative_flow(issues, changes, until=UNTIL).iloc[-1].sum() == 1


def test_the_captured_project(shared_data: Path) -> None:
    """Six issues of one project with the statuses of its site."""
    paths = sorted((shared_data / "jira").glob(f"{SAMPLES}issues__*.json"))
    answers = [json.loads(path.read_bytes()) for path in paths]
    statuses = statuses_of(json.loads((shared_data / "jira" / f"{SAMPLES}statuses.json").read_bytes()))
    issues, changes = to_frame(answers), to_changelog(answers)
    issues.attrs["statuses"] = changes.attrs["statuses"] = statuses
    times = cycle_times(issues, changes, until=UNTIL).set_index("Key")
    assert times.attrs.get("warnings", []) == []
    assert times["Finished"].dropna().to_dict() == {"SP-5": pd.Timestamp("2021-10-11T12:49:07.261Z")}
    # On this site "Selected for Development" is in progress: work began when the backlog was left.
    assert times["Started"].dropna().to_dict() == {
        "SP-1": pd.Timestamp("2021-06-18T18:43:34.818Z"),
        "SP-11": pd.Timestamp("2021-12-14T00:30:33.979Z"),
        "SP-2": pd.Timestamp("2021-06-18T18:43:38.192Z"),
        "SP-5": pd.Timestamp("2021-06-23T12:44:38.197Z"),
        "SP-7": pd.Timestamp("2021-12-14T00:30:27.952Z"),
        "SP-8": pd.Timestamp("2021-08-29T18:06:23.463Z"),
    }
    assert throughput(times, "M").to_dict() == {pd.Period("2021-10", "M"): 1}
    flagged = spans(changes, "Flagged", issues)
    assert flagged.loc[flagged["Value"] == "Impediment", "Key"].tolist() == ["SP-1", "SP-5"]
    then = as_of(issues, changes, "2021-09-01", ["Status", "Flagged"]).set_index("Key")
    assert then["Status"].to_dict() == {
        "SP-1": "In Progress", "SP-11": "Backlog", "SP-2": "Selected for Development",
        "SP-5": "In Progress", "SP-7": "Backlog", "SP-8": "Selected for Development",
    }  # fmt: skip


def test_links_sprints_and_points_of_captured_issues(shared_data: Path) -> None:
    folder = shared_data / "jira" / "mikebowler__jirametrics"
    answers = [json.loads((folder / f"spec__testdata__SP-{n}.json").read_bytes()) for n in (13, 14, 15)]
    issues, changes = to_frame(answers), to_changelog(answers)
    links = as_of(issues, changes, "2022-04-24T16:42:00Z", "Link").set_index("Key")
    column = next(name for name in links if "ink" in name and "Id" not in name)
    assert [list(cell) for cell in links[column]] == [
        ["This issue is cloned by SP-15"], [], ["This issue clones SP-13"]
    ]  # fmt: skip
    points = spans(changes, "Story Points", issues)
    held = points[points["Value"].notna()]
    assert dict(zip(held["Key"], held["Value"], strict=True)) == {"SP-13": "13", "SP-14": "14"}
    sprints = as_of(issues, changes, "2022-04-20", "Sprint").set_index("Key")
    assert sprints["Sprint Id"].to_dict() == {"SP-13": ("3",), "SP-14": ("3",)}


@pytest.mark.parametrize("answer", ["{", '{"issues": 7}', '[{"fields": {}}]', b"null", [{"id": "1"}]])
def test_answers_without_changelogs(answer: Any) -> None:
    with pytest.raises(UsageError, match="the answer holds no issues with changelogs"):
        to_changelog(answer)


def test_an_issue_without_changes() -> None:
    assert to_changelog({"issues": [{"id": "1", "key": "A-1"}]}).empty


def test_every_figure_of_the_captured_project(shared_data: Path) -> None:
    """Real issues go through all functions; what one says, the others agree with."""
    paths = sorted((shared_data / "jira").glob(f"{SAMPLES}issues__*.json"))
    answers = [json.loads(path.read_bytes()) for path in paths]
    issues, changes = to_frame(answers), to_changelog(answers)
    statuses = statuses_of(json.loads((shared_data / "jira" / f"{SAMPLES}statuses.json").read_bytes()))
    issues.attrs["statuses"] = changes.attrs["statuses"] = statuses
    history = flow.History(issues, changes, {"waiting": ["Selected for Development"]}, now=UNTIL)
    times = cycle_times(history)
    finished = int(times["Finished"].notna().sum())
    assert flow.cycle_percentiles(history, measure="Lead")["Issues"].tolist() == [finished]
    assert flow.control_chart(history, measure="Lead")["Key"].tolist() == (
        times.dropna(subset="Finished").sort_values("Finished", kind="stable")["Key"].tolist()
    )
    assert flow.cycle_histogram(history, measure="Lead")["Issues"].sum() == finished
    now = flow.work_in_progress(history)["In Progress"].iloc[-1]
    assert now == len(flow.ageing(history)) == flow.flow_balance(history)["Close"].iloc[-1]
    assert now == cumulative_flow(history, states="category").iloc[-1].get("In Progress", 0)
    arrived = cumulative_flow(history, states="category", arrivals=True)
    assert arrived.iloc[-1, 0] == len(issues)
    assert (arrived.diff().dropna() >= 0).all().all()
    assert len(flow.service_times(history, goal="1 day")) == len(issues)
    assert flow.littles_law(history, since="2021-06-01")["Days"].tolist() == [365]
    assert "Clock jumps" not in set(flow.data_quality(history)["Finding"])
    # Both were flagged while in progress; SP-1 still is.
    assert flow.blocked_time(history).set_index("Key")["Blocked Now"].to_dict() == {
        "SP-1": True,
        "SP-5": False,
    }
    for name in ("ageing_bands", "flow_efficiency", "returns"):
        getattr(flow, name)(history)
    assert flow.forecast_when(history, n=1, since="2021-06-01", trials=100)["Days"].notna().all()
    assert not flow.backtest(history, days=28, trials=50).empty
