"""Configuration files of the older systems are read as they were written."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schedkit.errors import SettingsError
from schedkit.settings import load_settings, read_settings

OLD = """
confluence:
  url: https://wiki.example.org
  username: bot
  password: pw
  main_page_id: "123456"
  task_result_page_id: "789012"
jira: {url: 'https://jira.example.org', username: bot, password: pw}
scheduler:
  poll_interval: 30
  concurrency: 6
  coalesce: false
  max_instances: 5
  timezone: Asia/Shanghai
  job_store_url: sqlite:///jobs.db
  executors: {default_threads: 20, process_pool: 5}
  job_defaults: {misfire_grace_time: 30}
log: {level: info, filename: logs/app.log}
storage: {path: task_storage}
reporting: {interval: 30, report_types: [confluence, mattermost], confluence: {page_id: "789012"}}
"""


def test_old_words_mean_what_they_meant(tmp_path: Path) -> None:
    (tmp_path / "schedkit.yaml").write_text(OLD, encoding="utf-8")
    settings = load_settings(tmp_path)
    assert settings.sites["jira"].user == "bot"
    assert settings.sites["confluence"].kind == "confluence"
    assert settings.sites["confluence"].task_result_page_id == "789012"
    page = settings.standing_page
    assert page is not None
    assert (page.site, page.page, page.every) == ("confluence", "789012", 30)
    assert settings.scheduler.ledger == "sqlite:///jobs.db"
    assert settings.scheduler.results == "task_storage"
    assert settings.log is not None
    assert (settings.log.level, settings.log.filename) == ("INFO", "logs/app.log")
    assert settings.scheduler.options == {
        "tz": ZoneInfo("Asia/Shanghai"),
        "concurrency": 6,
        "threads": 20,
        "processes": 5,
        "job_defaults": {"coalesce": False, "max_instances": 5, "misfire_grace": 30},
    }


def test_what_has_no_effect_and_plain_secrets_are_each_named_in_one_warning(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(OLD, encoding="utf-8")
    unused, plain = read_settings(file).warnings
    assert unused == (
        "config.yaml: without effect: scheduler.poll_interval (due times are waited for, nothing is polled); "
        "reporting.report_types: mattermost (set MATTERMOST_URL to its Apprise URL, or write "
        "notify: {channels: …})"
    )
    assert plain == (
        "config.yaml: in plain text: jira.password, confluence.password (write ${VARIABLE}, file:PATH or "
        "keyring:NAME instead)"
    )


def test_a_moved_setting_is_told_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(OLD, encoding="utf-8")
    loaded = read_settings(file)
    lines = OLD.splitlines()
    for location, words in {
        ("sites", "jira", "user"): "jira: {url",
        ("sites", "confluence", "password"): "  password: pw",
        ("scheduler", "tz"): "  timezone:",
        ("scheduler", "threads"): "  executors:",
        ("scheduler", "results"): "storage:",
        ("standing_page", "every"): "reporting:",
        ("log", "level"): "log:",
    }.items():
        line = int(loaded.source(location).split(":")[1])
        assert lines[line - 1].startswith(words), location
    assert loaded.source(("scheduler", "lease")) == ""


def test_a_site_in_the_words_of_other_clients(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "jira: {server: 'https://jira.example.org', email: a@example.org, api_token: secret}\n"
        "confluence: {base_url: 'https://wiki.example.org'}\n"
    )
    loaded = read_settings(file)
    jira, wiki = loaded.settings.sites["jira"], loaded.settings.sites["confluence"]
    assert (jira.url, jira.user, wiki.url) == (
        "https://jira.example.org",
        "a@example.org",
        "https://wiki.example.org",
    )
    assert jira.token is not None
    assert jira.token.get_secret_value() == "secret"
    (plain,) = loaded.warnings
    assert plain.startswith("config.yaml: in plain text: jira.api_token (")
    file.write_text("jira: {server: 'https://a.example.org', url: 'https://b.example.org'}")
    with pytest.raises(SettingsError, match="jira: server and url say the same thing"):
        read_settings(file)


def test_a_chat_whose_address_is_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTERMOST_URL", "mmosts://chat.example.org/token")
    file = tmp_path / "config.yaml"
    file.write_text("reporting: {interval: 30, report_types: [mattermost]}\nnotify: {late_after: 5m}")
    loaded = read_settings(file)
    (channel,) = loaded.settings.notify.channels
    assert (channel.env, channel.on, channel.every) == ("MATTERMOST_URL", ("failed", "done", "late"), 30)
    assert loaded.settings.notify.late_after == 300
    assert loaded.warnings == []
    assert loaded.source(("notify", "channels", 0, "env")).startswith("config.yaml:1:")
    file.write_text("reporting: {report_types: [mattermost]}\nnotify: {channels: [{env: TEAM_CHAT}]}")
    assert [each.env for each in read_settings(file).settings.notify.channels] == ["TEAM_CHAT"]


def test_a_standing_page_only_where_one_is_meant(tmp_path: Path) -> None:
    (tmp_path / "schedkit.yaml").write_text("reporting: {report_types: [mattermost]}", encoding="utf-8")
    assert load_settings(tmp_path).standing_page is None
    text = "confluence: {url: x, task_result_page_id: 7}\nreporting: {report_types: [confluence]}"
    (tmp_path / "schedkit.yaml").write_text(text, encoding="utf-8")
    page = load_settings(tmp_path).standing_page
    assert page is not None
    assert (page.page, page.every) == ("7", 1800)


def test_the_template_of_the_standing_page_is_read(tmp_path: Path) -> None:
    text = "reporting: {confluence: {page_id: 7, template: task_results_template}}"
    (tmp_path / "schedkit.yaml").write_text(text, encoding="utf-8")
    page = load_settings(tmp_path).standing_page
    assert page is not None
    assert (page.page, page.template) == ("7", "task_results_template")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jira: {url: a}\nsites: {jira: {url: b}}", "jira: and sites.jira: name the same site"),
        ("reporting: {interval: 3}", "reporting: no page is named"),
        ("reporting: {confluence: x}", "schedkit.yaml:1:13: reporting.confluence='x' .a mapping"),
        ("reporting: {report_types: 5}", "schedkit.yaml:1:13: reporting.report_types=5 "),
        ("reporting: {interval: 3, confluence: {page: 3}}", "reporting.confluence: unknown option 'page'"),
        ("reporting: {intervall: 3, confluence: {page_id: 3}}", "reporting: unknown option 'intervall'"),
        (
            "reporting: {confluence: {page_id: 3, template: [a]}}",
            r"reporting.confluence.template=\[",
        ),
        ("sites: {confluence: 5}\nreporting: {interval: 3}", "sites.confluence: write a mapping"),
        ("log: 7", "yaml:1:1: log: write a mapping"),
        ("log: {levl: INFO}", r"yaml:1:7: log: unknown option 'levl' .did you mean 'level'"),
        ("log: {level: loud}", r"yaml:1:7: log.level='loud' .DEBUG, INFO"),
        ("log: {format: '%(nonsense'}", "yaml:1:7: log.format=.*a format of logging"),
        ("storage: {pth: x}", r"yaml:1:11: storage: unknown option 'pth' .did you mean 'path'"),
        ("storage: {path: x}\nscheduler: {results: y}", "storage.path and scheduler.results say the same"),
        ("scheduler: {poll_interval: -1}", "yaml:1:13: scheduler.poll_interval=-1"),
        (
            "reporting: {report_types: [carrier_pigeon]}",
            "yaml:1:13: reporting.report_types: unknown type ",
        ),
        ("stroage: {path: x}", r"yaml:1:1: unknown option 'stroage' .did you mean 'storage'"),
        ("scheduler: {executors: 5}", "yaml:1:13: scheduler.executors=5"),
        ("jira: 3", "yaml:1:1: jira=3 .a mapping"),
        (
            "scheduler: {timezone: A, tz: B}",
            r"scheduler: tz and tz say the same|timezone and tz|say the same",
        ),
        ("scheduler: {executors: {other: 1}}", "scheduler: unknown option 'other'"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "schedkit.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        load_settings(tmp_path)
