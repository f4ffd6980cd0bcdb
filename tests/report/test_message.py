"""A message with the first rows reaches a channel over real HTTP; what is in them is text only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.chat_server import Chat, chat_server

from schedkit.errors import SettingsError, UnavailableError, UsageError
from schedkit.report import Report, Tools
from schedkit.report.deliver import deliverer
from schedkit.report.tools import ReportInfo
from schedkit.values.timezones import parse_timezone

FRAME = pd.DataFrame(
    {
        "Key": ["A-1", "A-2", "A-3"],
        "Summary": ["@all see https://evil.example", "plain", None],
        "Labels": [("x", "y"), (), ("z",)],
        "Created": pd.to_datetime(["2026-03-01T10:00Z"] * 3),
        "Points": [1, 2, 3],
    }
)
REPORT: ReportInfo = Report.of(
    {
        "name": "bugs",
        "description": "Open bugs",
        "extract": {"file": "a.csv"},
        "deliver": [{"csv": {"path": "a.csv"}}],
    }
)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with chat_server() as chat:
        monkeypatch.setenv("TEAM_CHAT_URL", chat.url)
        yield chat


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    zone = parse_timezone("Asia/Shanghai")
    return Tools(
        site=lambda name: None, root=tmp_path, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC), tz=zone
    )


def send(tools: Tools, frame: pd.DataFrame = FRAME, **options: Any) -> None:
    deliverer("notify", {"channel": "TEAM_CHAT_URL", **options})(frame, REPORT, tools)()


def test_the_first_rows_as_text(chat: Chat, tools: Tools) -> None:
    send(tools, title="{name} of {day}", text="{count} rows: {description}", rows=2)
    (heard,) = chat.heard
    assert heard["title"] == "bugs of 2026-03-01"
    lines = heard["message"].replace("\u200b", "").splitlines()
    assert lines == [
        "3 rows: Open bugs",
        "- A-1 | @all see https://evil.example | x, y | 2026-03-01 18:00",
        "- A-2 | plain |  | 2026-03-01 18:00",
        "… and 1 more",
        "Times: Asia/Shanghai",
    ]
    # Neither a mention nor a link.
    assert "@all" not in heard["message"]
    assert "https://" not in heard["message"]


def test_only_the_columns_and_only_if_there_are_rows(chat: Chat, tools: Tools) -> None:
    send(tools, FRAME.head(0), empty=False)
    assert chat.heard == []
    send(tools, columns=["Key", "Points"], rows=3)
    assert chat.heard[0]["message"].splitlines() == ["3 rows", "- A-1 | 1", "- A-2 | 2", "- A-3 | 3"]
    send(tools, rows=0)
    assert chat.heard[1]["message"] == "3 rows"
    lacking = FRAME.copy()
    lacking.attrs["extraction"] = {"complete": False, "missing_sites": {"ops": "got no answer"}}
    send(tools, lacking, rows=0)
    assert chat.heard[2]["message"].splitlines()[1].startswith("site ops is missing")


def test_what_cannot_be_sent(chat: Chat, tools: Tools) -> None:
    chat.status = 500
    with pytest.raises(UnavailableError, match="the service of TEAM_CHAT_URL did not take the message"):
        send(tools)
    with pytest.raises(UsageError, match=r"deliver.notify: there is no column 'Kee' .did you mean 'Key'"):
        send(tools, columns=["Kee"])
    with pytest.raises(SettingsError, match="NO_SUCH_URL is not set"):
        send(tools, channel="NO_SUCH_URL")
    with pytest.raises(
        SettingsError, match=r"title: unknown placeholder \{nme\} in '\{nme\}!' .did you mean 'name'"
    ):
        send(tools, title="{nme}!")
    with pytest.raises(SettingsError, match="named by an environment variable"):
        send(replace(tools), channel="slack://token")
