"""What the settings say happens beside the runs: notices to a chat, and a standing page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from notify.conftest import Webhook
from notify.conftest import webhook as webhook  # the fixture
from support.confluence_pages import anchor

from schedkit.app import App, app
from schedkit.commands.demo import demo_settings
from schedkit.core.triggers.constructors import every
from schedkit.demo import DemoSite
from schedkit.errors import RunFailedError, SettingsError
from schedkit.project_tasks import STANDING_PAGE
from schedkit.settings import ChannelSettings, NotifySettings, StandingPageSettings


def broken() -> None:
    raise ValueError("the bad news")


def test_the_owner_tells_a_chat_of_a_failed_run(
    project: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_CHAT_URL", f"json://127.0.0.1:{webhook.port}/")
    settings = app().settings.model_copy(
        update={"notify": NotifySettings(channels=(ChannelSettings(env="TEAM_CHAT_URL", every=0),))}
    )
    with App(settings, project).scheduler() as scheduler:
        scheduler.task(name="broken")(broken)
        with pytest.raises(RunFailedError):
            scheduler.submit("broken").result(timeout=60)
        _, told = webhook.next(timeout=60)
    assert "the bad news" in json.dumps(told)
    assert "broken" in json.dumps(told)


def test_the_chat_of_an_older_file_is_told_of_a_run(
    project: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTERMOST_URL", f"json://127.0.0.1:{webhook.port}/")
    (project / "schedkit.yaml").write_text("reporting: {interval: 0.1, report_types: [mattermost]}")
    with app().scheduler() as scheduler:
        scheduler.task(name="hello")(lambda_free)
        scheduler.submit("hello").result(timeout=60)
        _, told = webhook.next(timeout=60)
    assert "hello" in json.dumps(told)


def test_rules_and_heartbeats_of_the_settings(
    project: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_CHAT_URL", f"json://127.0.0.1:{webhook.port}/")
    monkeypatch.setenv("MONITOR", f"http://127.0.0.1:{webhook.port}/beat")
    monkeypatch.setattr("schedkit.notify.notifier._CHECK_SECONDS", 0.01)
    (project / "schedkit.yaml").write_text(
        "notify:\n"
        "  channels: [{env: TEAM_CHAT_URL, on: [failing], every: 0}]\n"
        "  rules: [{task: brok*, failures: 100%, of: 1}]\n"
        "  heartbeats: {hello: '${MONITOR}'}\n"
    )
    with app().scheduler() as scheduler:
        scheduler.task(name="broken")(broken)
        scheduler.task(name="hello")(lambda_free)
        scheduler.submit("broken").wait("60s")
        _, told = webhook.next(timeout=60)
        assert "broken fails too often: 1 of its last 1 runs have failed" in json.dumps(told)
        scheduler.submit("hello").result(timeout=60)
        assert webhook.next(timeout=60) == ("/beat", None)


def test_rules_that_no_channel_hears_of_are_refused_at_once(project: Path) -> None:
    (project / "schedkit.yaml").write_text("notify: {rules: [{task: sales, not_done_for: 26h}]}")
    with pytest.raises(
        SettingsError, match="no channel is told what the notification rule for 'sales' finds"
    ):
        app().scheduler()


def test_a_channel_without_its_variable_is_refused_at_once(project: Path) -> None:
    settings = app().settings.model_copy(
        update={"notify": NotifySettings(channels=(ChannelSettings(env="ABSENT_CHAT_URL"),))}
    )
    with pytest.raises(SettingsError, match="ABSENT_CHAT_URL"):
        App(settings, project).scheduler()


def test_a_standing_page_shows_the_latest_run_and_is_written_only_for_news(project: Path) -> None:
    with DemoSite(issues=50) as site:
        page = StandingPageSettings(site="demo-wiki", page="100001", every="1h")
        settings = demo_settings(site).model_copy(update={"standing_page": page})
        with App(settings, project).scheduler() as scheduler:
            scheduler.task(name="hello")(lambda_free)
            scheduler.submit("hello").result(timeout=60)
            assert scheduler.submit(STANDING_PAGE).result(timeout=60) is True
            assert ">hello<" in site.wiki.pages["100001"].body
            assert scheduler.submit(STANDING_PAGE).result(timeout=60) is False


def test_a_standing_page_is_made_of_its_template_once(project: Path) -> None:
    with DemoSite(issues=50) as site:
        place = anchor("task-results")
        site.wiki.create("task_results_template", f"<h1>Nightly runs</h1><p>{place}</p><p>Ask Ann.</p>")
        empty = site.wiki.create("Nightly results", "<p>ours</p>")
        page = StandingPageSettings(
            site="demo-wiki", page=empty.id, every="1h", template="task_results_template"
        )
        settings = demo_settings(site).model_copy(update={"standing_page": page})
        with App(settings, project).scheduler() as scheduler:
            scheduler.task(name="hello")(lambda_free)
            scheduler.submit("hello").result(timeout=60)
            assert scheduler.submit(STANDING_PAGE).result(timeout=60) is True
            body = site.wiki.pages[empty.id].body
            assert body.startswith("<p>ours</p><h1>Nightly runs</h1>")
            assert body.index(">hello<") < body.index("Ask Ann.")
            site.wiki.edit_by_hand(empty.id, lambda text: text.replace("Ask Ann.", "Ask Bo."))
            assert scheduler.submit(STANDING_PAGE).result(timeout=60) is False
            assert site.wiki.pages[empty.id].body.count("Nightly runs") == 1


def test_a_standing_page_also_gets_the_board_as_a_file(project: Path) -> None:
    with DemoSite(issues=50) as site:
        page = StandingPageSettings(site="demo-wiki", page="100001", every="1h", attach=True)
        settings = demo_settings(site).model_copy(update={"standing_page": page})
        with App(settings, project).scheduler() as scheduler:
            scheduler.task(every("2h"), name="hello <b>")(lambda_free)
            scheduler.submit("hello <b>").result(timeout=60)
            for written in (True, False):
                assert scheduler.submit(STANDING_PAGE).result(timeout=60) is written
        files = {each.title: each for each in site.wiki.pages["100001"].attachments.values()}
        text = files["schedkit-board.html"].latest.data.decode()
        assert files["schedkit-board.html"].latest.number == 1
        assert "hello &lt;b&gt;" in text
        assert "every 2h" in text
        assert "<script" not in text
        assert STANDING_PAGE not in text


def lambda_free() -> int:
    return 3
