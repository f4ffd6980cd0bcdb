"""Answers captured from real Jiras, and what their frames must hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit.jira import to_frame
from schedkit.jira.table.columns import DEFAULT


def answers(folder: Path) -> list[tuple[str, Any]]:
    found = []
    for path in sorted((folder / "jira").rglob("*.json")):
        value = json.loads(path.read_bytes())
        issues = value if isinstance(value, list) else value.get("issues", [value])
        if isinstance(issues, list) and issues and all(isinstance(i, dict) and "fields" in i for i in issues):
            found.append((path.name, value))
    return found


def leaves(value: Any) -> list[str]:
    """Every name that a value shows to people: what a cell must hold somewhere."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    if isinstance(value, dict):
        for name in ("displayName", "value", "name", "key", "filename"):
            if isinstance(value.get(name), str):
                return [value[name]]
        return []
    return [str(value)] if isinstance(value, str) else []


RICH = {"description", "environment"}


def test_no_column_and_no_value_is_lost(shared_data: Path) -> None:
    found = answers(shared_data)
    assert len(found) >= 25
    for name, value in found:
        frame = to_frame(value)
        issues = value if isinstance(value, list) else value.get("issues", [value])
        assert len(frame) == len(issues), name
        by_field: dict[str, list[str]] = {}
        for column, about in frame.attrs["fields"].items():
            for id in [about["id"], *about.get("also", [])]:
                by_field.setdefault(id, []).append(column)
        for row, issue in enumerate(issues):
            assert frame["Key"][row] == issue.get("key") or (
                "key" not in issue and pd.isna(frame["Key"][row])
            )
            for id, held in issue["fields"].items():
                assert id in by_field, (name, id)
                cells = [frame[column][row] for column in by_field[id]]
                if held in (None, [], {}):
                    continue
                told = [frame.attrs["unreadable"].get(column, {}) for column in by_field[id]]
                if any(frame["Key"][row] in values for values in told):
                    continue
                assert any(isinstance(c, tuple) or not pd.isna(c) for c in cells), (name, id, held)
                shown = " ".join(str(c) for c in cells)
                if id in RICH or (isinstance(held, str) and ("{" in held or "T" in held)):
                    continue
                for leaf in leaves(held):
                    assert leaf.replace("'", "\\'") in shown or leaf in shown, (name, id, leaf, shown)


def test_comments_and_work_are_read_in_every_form(shared_data: Path) -> None:
    """Pages, and the bare lists of a Server's board."""
    told = 0
    for name, value in answers(shared_data):
        frame = to_frame(value)
        for column in {"Comment", "Log Work"} & set(frame):
            for cell in (text for cells in frame[column] for text in cells):
                assert not cell.startswith("{"), (name, column)
                told += 1
    assert told == 3
    board = shared_data / "jira/sumoheavy__jira-ruby/spec__mock_responses__sprint__1_issues.json"
    frame = to_frame(board.read_bytes())
    first = json.loads(board.read_bytes())["issues"][0]["fields"]
    assert frame["Comment"][0] == tuple(f"Fred F. User: {c['body']}" for c in first["comment"])
    assert frame["Log Work"][0] == tuple(f"Fred F. User: {w['timeSpent']}" for w in first["worklog"])


def test_instants_are_the_same_instants(shared_data: Path) -> None:
    for name, value in answers(shared_data):
        frame = to_frame(value)
        issues = value if isinstance(value, list) else value.get("issues", [value])
        for column, id in (("Created", "created"), ("Updated", "updated"), ("Resolved", "resolutiondate")):
            for row, issue in enumerate(issues):
                held = issue["fields"].get(id)
                if held and not isinstance(held, str):
                    assert frame.attrs["unreadable"][column][frame["Key"][row]] == repr(str(held)), "told"
                elif held:
                    assert frame[column][row] == pd.Timestamp(held), (name, column)
                    assert str(frame[column].dtype) == "datetime64[us, UTC]"


def test_bytes_and_values_alike(shared_data: Path) -> None:
    for path in sorted((shared_data / "jira" / "mikebowler__jirametrics").glob("*SP-*.json")):
        from_bytes = to_frame(path.read_bytes())
        pd.testing.assert_frame_equal(from_bytes, to_frame(json.loads(path.read_bytes())))
        assert from_bytes["Id"].notna().all()


def test_other_answers_are_refused_in_one_line(shared_data: Path) -> None:
    from schedkit.errors import UsageError

    with pytest.raises(UsageError, match="holds no issues"):
        to_frame(
            (shared_data / "jira/andygrunwald__go-jira/testing__mock-data__all_boards.json").read_bytes()
        )
    with pytest.raises(UsageError, match="is not valid JSON"):
        to_frame(b'{"issues": [')


def test_columns_of_a_known_answer(shared_data: Path) -> None:
    frame = to_frame((shared_data / "jira/lesstif__php-jira-rest-client/test-data__issue.json").read_bytes())
    row = frame.iloc[0]
    assert row["Key"] == "TEST-1"
    assert row["Summary"] == "This is your first task"
    assert row["Assignee"] == "lesstif"
    assert row["Due"] == pd.Timestamp("2021-06-19", tz="UTC")
    assert row["Fix Versions"] == ("1.1.3", "2.1.5")
    assert row["Security Level"] == '{"id":12345}'
    assert "작업한 시간" in frame  # the site's own name of an unmentioned field
    assert "This is your first task." in row["설명"]
    assert "h2." not in row["설명"]
    assert [c for c in DEFAULT if c in frame] == [c for c in frame if c in DEFAULT]
