"""A check that fails delivers nothing, keeps what was delivered before, and is told to a chat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from support.chat_server import Chat, chat_server

from schedkit.app import App
from schedkit.demo import DemoSite
from schedkit.errors import RunFailedError
from schedkit.report import loads_reports
from schedkit.settings import ChannelSettings, NotifySettings, SchedulerSettings, Settings, SiteSettings

REPORT = """
name: bugs
params: {least: 1}
extract: {site: jira, jql: type = Bug}
check: [{min_rows: '{{ least }}'}]
deliver:
  - excel: {path: bugs.xlsx}
  - confluence: {site: wiki, page: 100001, region: anchor:open-bugs}
  - notify: {channel: TEAM_CHAT_URL, title: Bugs}
"""


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with chat_server() as chat:
        monkeypatch.setenv("TEAM_CHAT_URL", chat.url)
        yield chat


def test_a_check_that_fails_keeps_what_is_there_and_notifies(chat: Chat, tmp_path: Path) -> None:
    with DemoSite(issues=60) as site:
        places = {"jira": site.jira_cloud, "wiki": site.confluence_cloud}
        settings = Settings(
            sites={
                name: SiteSettings(
                    kind="jira" if name == "jira" else "confluence",
                    url=place.url,
                    user=place.user,
                    token=SecretStr(place.token),
                )
                for name, place in places.items()
            },
            scheduler=SchedulerSettings(ledger=str(tmp_path / "ledger.db")),
            notify=NotifySettings(channels=(ChannelSettings(env="TEAM_CHAT_URL", on=("failed",), every=0),)),
        )
        (report,) = loads_reports(REPORT)
        app = App(settings, tmp_path)
        with app.scheduler() as scheduler:
            bugs = app.add_report(scheduler, report)
            bugs.submit().result("60s")
            (delivered,) = chat.heard
            assert delivered["title"] == "Bugs"
            workbook = (tmp_path / "bugs.xlsx").read_bytes()
            version = site.wiki.pages["100001"].latest.number
            with pytest.raises(
                RunFailedError, match=r"CheckError: check.min_rows: \d+ rows, at least 100000"
            ):
                bugs.submit(least=100_000).result("60s")
            assert (tmp_path / "bugs.xlsx").read_bytes() == workbook
            assert site.wiki.pages["100001"].latest.number == version
            assert chat.waited(2)[1]["message"].startswith("bugs failed after ")
            assert "CheckError" in chat.heard[1]["message"]
