"""Cells as requests hold them: names and options as the site has them, asked only where that decides."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.jira import Jira
from schedkit.jira.pages.session import Session
from schedkit.jira.write.cells import Cells
from schedkit.jira.write.screens import Screen
from schedkit.jira.write.targets import target_of
from schedkit.loop import service


class Asked:
    """A screen whose fields all have the same options, and how often it was asked for."""

    def __init__(self, id: str) -> None:
        rows: list[Any] = [
            {"value": "Linux, ARM"},
            {"value": 'Line\nbreak, "quoted"'},
            {"value": "In / Out", "children": [{"value": "Left"}]},
        ]
        self.screen, self.times = Screen({id: {"allowedValues": rows}}), 0

    async def __call__(self) -> Screen:
        self.times += 1
        return self.screen


@pytest.fixture
def session(jira: Jira) -> Session:
    found: Session = service().call(jira.aio.session)
    return found


@pytest.mark.parametrize(
    ("column", "cell", "value", "wire", "asked"),
    [
        ("Summary", "a, b", "a, b", "a, b", 0),
        ("Platforms", "iOS", ("iOS",), [{"value": "iOS"}], 0),
        ("Platforms", ("Linux, ARM",), ("Linux, ARM",), [{"value": "Linux, ARM"}], 0),
        ("Platforms", "Linux,  ARM, iOS", ("Linux, ARM", "iOS"),
         [{"value": "Linux, ARM"}, {"value": "iOS"}], 1),
        ("Platforms", 'Line\r\nbreak, "quoted", Tea, Milk', ('Line\nbreak, "quoted"', "Tea", "Milk"),
         [{"value": 'Line\nbreak, "quoted"'}, {"value": "Tea"}, {"value": "Milk"}], 1),
        ("Platforms", "shown, here, iOS", ("shown, here", "iOS"),
         [{"value": "shown, here"}, {"value": "iOS"}], 1),
        ("Root Cause", "Code", "Code", {"value": "Code"}, 0),
        ("Root Cause", "Code / Logic", "Code / Logic", {"value": "Code", "child": {"value": "Logic"}}, 1),
        ("Root Cause", "In / Out", "In / Out", {"value": "In / Out"}, 1),
        ("Root Cause", "In / Out / Left", "In / Out / Left",
         {"value": "In / Out", "child": {"value": "Left"}}, 1),
        ("Root Cause", None, None, None, 0),
        ("Assignee", None, None, None, 0),
        ("Reviewers", (), (), [], 0),
    ],
)  # fmt: skip
def test_a_cell(session: Session, column: str, cell: Any, value: Any, wire: Any, asked: int) -> None:
    cells, target = Cells(session), target_of(session, column)
    screen = Asked(target.field.id)
    assert service().call(cells.value, target, cell, screen, ["shown, here"]) == value
    assert service().call(cells.wire, target, value, screen) == wire
    assert screen.times == asked
