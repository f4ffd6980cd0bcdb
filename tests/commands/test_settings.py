"""`schedkit settings`: what is in force, from where, and no secret in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schedkit.cli import main

Output = pytest.CaptureFixture[str]

FILE = """
sites:
  a: {url: 'https://a.example.org', token: s3cret-one, headers: {X-Key: s3cret-two}}
  b: {url: 'https://b.example.org', token: '${B_TOKEN}', proxies: {https: 'http://u:s3cret-three@proxy'}}
scheduler:
  ledger: postgresql://bot:s3cret-four@db.example.org/jobs
  tz: europe/berlin
  lease: 20
  keep_runs: null
  poll_interval: 30
notify: {link: 'https://example.org/${PLACE}', channels: [{env: TEAM_CHAT}]}
"""


@pytest.fixture
def written(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (project / "schedkit.yaml").write_text(FILE)
    monkeypatch.setenv("B_TOKEN", "s3cret-five")
    monkeypatch.setenv("PLACE", "s3cret-six")
    monkeypatch.setenv("SCHEDKIT_SCHEDULER__CONCURRENCY", "9")
    monkeypatch.setenv("SCHEDKIT_SITES__B__PASSWORD", "s3cret-seven")
    return project


def test_each_setting_has_its_value_and_its_source(written: Path, capsys: Output) -> None:
    assert main(["settings", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(written / "schedkit.yaml")
    shown = {name: (row["value"], row["source"]) for name, row in told["settings"].items()}
    assert {name: shown[name] for name in EXPECTED} == EXPECTED
    assert len(told["warnings"]) == 2


EXPECTED = {
    "sites.a.url": ("https://a.example.org", "schedkit.yaml:3:7"),
    "sites.a.token": ("********", "schedkit.yaml:3:37"),
    "sites.a.headers.X-Key": ("********", "schedkit.yaml:3:66"),
    "sites.a.timeout": ("1m 15s", "default"),
    "sites.b.token": ("${B_TOKEN}", "schedkit.yaml:4:37"),
    "sites.b.password": ("********", "environment variable SCHEDKIT_SITES__B__PASSWORD"),
    "sites.b.proxies.https": ("http://u:********@proxy", "schedkit.yaml:4:68"),
    "scheduler.ledger": ("postgresql://bot:********@db.example.org/jobs", "schedkit.yaml:6:3"),
    "scheduler.tz": ("Europe/Berlin", "schedkit.yaml:7:3"),
    "scheduler.lease": ("20s", "schedkit.yaml:8:3"),
    "scheduler.keep_runs": ("none", "schedkit.yaml:9:3"),
    "scheduler.keep_results": ("10", "default"),
    "scheduler.concurrency": ("9", "environment variable SCHEDKIT_SCHEDULER__CONCURRENCY"),
    "scheduler.processes": ("the number of processors, at most 5", "default"),
    "notify.link": ("https://example.org/${PLACE}", "schedkit.yaml:11:10"),
    "notify.channels.0.env": ("TEAM_CHAT", "schedkit.yaml:11:60"),
    "notify.channels.0.on": ("failed, late, recovered", "default"),
}


@pytest.mark.usefixtures("written")
def test_no_secret_is_shown(capsys: Output) -> None:
    for arguments in (["settings"], ["settings", "--all"], ["settings", "--json"]):
        assert main(arguments) == 0
        assert "s3cret" not in capsys.readouterr().out


@pytest.mark.usefixtures("written")
def test_people_see_what_is_said_and_the_warnings(capsys: Output) -> None:
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert "sites.a.url" in shown
    assert "sites.a.timeout" not in shown
    assert "warning: schedkit.yaml: without effect: scheduler.poll_interval" in shown
    assert "warning: schedkit.yaml: in plain text: sites.a.token, sites.b.proxies, scheduler.ledger" in shown
    assert main(["settings", "--all"]) == 0
    assert "sites.a.timeout" in capsys.readouterr().out


def test_without_a_file_all_is_default(project: Path, capsys: Output) -> None:
    (project / "schedkit.yaml").unlink()
    (project / "pyproject.toml").write_text("")
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert f"{project / 'schedkit.yaml'} (does not exist)" in shown
