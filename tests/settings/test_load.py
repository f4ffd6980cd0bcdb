"""Settings come from the project's file and the environment; secrets stay secret."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.errors import SettingsError
from schedkit.settings import load_settings, model, read_settings


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SCHEDKIT_SITES__A__TOKEN", "A_TOKEN", "SCHEDKIT_SCHEDULER__CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(project: Path, text: str) -> Path:
    (project / "schedkit.yaml").write_text(text, encoding="utf-8")
    return project


MODELS = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == model.__name__
]


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_no_setting_shows_the_password_of_an_address(kind: type[BaseModel]) -> None:
    url = "https://ann:s3cret@host.example.org/x"
    for name in kind.model_fields:
        for value in (url, [url], (url,), {"a": url}, {"a": {"b": [url]}}):
            made = kind.model_construct(**{name: value})
            assert "s3cret" not in f"{made!r} {made}", name


def test_an_address_with_a_password_is_warned_of_and_not_shown(project: Path) -> None:
    file = write(project, "sites:\n  a: {url: 'https://ann:s3cret@a.example.org'}") / "schedkit.yaml"
    loaded = read_settings(file)
    assert loaded.warnings[0].startswith("schedkit.yaml: in plain text: sites.a.url (")
    assert "ann:********@a.example.org" in repr(loaded)
    assert "s3cret" not in repr(loaded)


def test_no_file_gives_defaults(project: Path) -> None:
    settings = load_settings(project)
    assert settings.sites == {}
    assert settings.scheduler.ledger == ".schedkit/ledger.db"


def test_the_environment_wins_and_fills_variables(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        project,
        "sites:\n  a: {url: 'https://a.example.org', token: plain-s3cret}\n"
        "notify: {link: 'x/${A_TOKEN}', channels: [{env: '${A_TOKEN}'}]}",
    )
    monkeypatch.setenv("A_TOKEN", "s3cret")
    monkeypatch.setenv("SCHEDKIT_SCHEDULER__CONCURRENCY", "9")
    settings = load_settings(project)
    token = settings.sites["a"].token
    assert token is not None
    assert token.get_secret_value() == "plain-s3cret"
    assert "s3cret" not in repr(settings.sites)
    assert settings.scheduler.options == {"concurrency": 9}
    assert settings.notify.channels[0].env == "s3cret"
    monkeypatch.setenv("SCHEDKIT_SITES__A__TOKEN", "other")
    token = load_settings(project).sites["a"].token
    assert token is not None
    assert token.get_secret_value() == "other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sites:\n  a: {ulr: x}", r"schedkit.yaml:2:7: sites.a: unknown option 'ulr'.* \(did you mean 'url'"),
        (
            "scheduler:\n  concurrency: 0",
            r"yaml:2:3: scheduler.concurrency=0 \(a whole number, at least",
        ),
        (
            "scheduler:\n  tz: Europe/Berln",
            r"yaml:2:3: scheduler.tz: unknown time zone 'Europe/Berln' \(did you mean 'Europe/Berlin'",
        ),
        ("sitse: {}", r"schedkit.yaml:1:1: unknown option 'sitse' \(did you mean 'sites'"),
        ("scheduler:\n  lease: 0s", r"yaml:2:3: scheduler.lease='0s' \(longer than 0s"),
        ("scheduler:\n  limits: {jira: 0}", r"yaml:2:3: scheduler.limits\['jira'\]=0 \(a whole number"),
        (
            "scheduler:\n  job_defaults: {coalesc: true}",
            r"yaml:2:3: scheduler.job_defaults: unknown option 'coalesc' \(did you mean 'coalesce'",
        ),
        ("sites:\n  a: {url: x, timeout: soon}", r"yaml:2:15: sites.a.timeout: invalid duration 'soon'"),
        ("sites:\n  a: {url: x, verify: [1]}", r"yaml:2:15: sites.a.verify.*: write true or false"),
        ("sites:\n  a: {kind: jira}", r"yaml:2:3: sites.a.url is missing \(write url: …"),
        ("sites:\n  a: {url: [x]}", "yaml:2:7: sites.a.url: write text"),
        ("sites: 5", "yaml:1:1: sites: write a mapping of names to values"),
        ("notify:\n  late_after: never", r"yaml:2:3: notify.late_after: invalid duration 'never'"),
        ("notify: {channels: {env: X}}", "yaml:1:10: notify.channels: write a list"),
        (
            "notify: {channels: [{env: X, on: [lost]}]}",
            "channels.0.on.0: write one of 'failed'",
        ),
        ("- 1", r"schedkit.yaml:1:1: expected a mapping .write sites:"),
        ("a: 1\n---\nb: 2", "holds 2 documents"),
        ("notify: {link: '${ABSENT_VARIABLE}'}", r"\$\{ABSENT_VARIABLE\} is not set"),
    ],
)
def test_a_mistake_is_one_line(project: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(write(project, text))
    assert "\n" not in str(caught.value)


def test_a_wrong_value_in_the_environment_names_it_and_hides_secrets(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDKIT_SCHEDULER__CONCURRENCY", "many")
    with pytest.raises(
        SettingsError,
        match=r"environment variable SCHEDKIT_SCHEDULER__CONCURRENCY: scheduler.concurrency='many' ",
    ):
        load_settings(project)
    monkeypatch.setenv("SCHEDKIT_SCHEDULER__CONCURRENCY", "3")
    monkeypatch.setenv("SCHEDKIT_SITES", '{"a": {"token": "s3cret"}}')
    with pytest.raises(
        SettingsError, match=r"environment variable SCHEDKIT_SITES: sites.a.url is missing"
    ) as caught:
        load_settings(project)
    assert "s3cret" not in str(caught.value)


def test_a_wrong_value_in_the_environment_is_not_blamed_on_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "scheduler: {tz: UTC, lease: 20s}\n")
    monkeypatch.setenv("SCHEDKIT_SCHEDULER__tz", "Europe")
    with pytest.raises(
        SettingsError, match=r"^environment variable SCHEDKIT_SCHEDULER__tz: scheduler.tz: unk"
    ):
        load_settings(project)
    monkeypatch.delenv("SCHEDKIT_SCHEDULER__tz")
    monkeypatch.setenv("SCHEDKIT_SCHEDULER__CONCURRENCY", "3")
    write(project, "scheduler: {tz: Europe}\n")
    with pytest.raises(SettingsError, match=r"^schedkit.yaml:1:13: scheduler.tz: unknown time zone"):
        load_settings(project)


def test_a_misspelt_section_in_the_environment_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDKIT_WIKI__TOKEN", "s3cret")  # what ${SCHEDKIT_WIKI__TOKEN} may refer to
    assert load_settings(project).sites == {}
    monkeypatch.setenv("SCHEDKIT_SCHEDLER__TZ", "UTC")
    words = r"variable SCHEDKIT_SCHEDLER__TZ: unknown option 'schedler' \(did you mean 'scheduler'\?\)"
    with pytest.raises(SettingsError, match=words):
        load_settings(project)


def test_durations_are_read_as_everywhere(project: Path) -> None:
    settings = load_settings(
        write(
            project,
            "sites: {a: {url: x, timeout: 30s}}\n"
            "scheduler: {job_defaults: {misfire_grace_time: 5m}}\n"
            "notify: {late_after: 1m, channels: [{env: CHAT, every: 5m}]}\n"
            "standing_page: {site: a, page: '1', every: 2h}\n",
        )
    )
    assert settings.sites["a"].timeout == 30
    assert settings.scheduler.options["job_defaults"] == {"misfire_grace": 300}
    assert (settings.notify.late_after, settings.notify.channels[0].every) == (60, 300)
    assert settings.standing_page is not None
    assert settings.standing_page.every == 7200


SAID: dict[str, tuple[str, object]] = {
    "concurrency": ("7", 7),
    "threads": ("8", 8),
    "processes": ("2", 2),
    "dask": ("tcp://host:8786", "tcp://host:8786"),
    "limits": ("{jira: 2}", {"jira": 2}),
    "name": ("night", "night"),
    "tz": ("europe/berlin", ZoneInfo("Europe/Berlin")),
    "interruptions": ("1", 1),
    "durability": ("full", "full"),
    "lease": ("30s", 30.0),
    "cancel_grace": ("1m", 60.0),
    "write_patience": ("1m", 60.0),
    "keep_runs": ("null", None),
    "keep_results": ("3", 3),
    "job_defaults": ("{coalesce: false}", {"coalesce": False}),
}


def test_every_option_of_a_scheduler_can_be_set(project: Path) -> None:
    assert set(SAID) | {"results"} == set(SCHEDULER_OPTIONS), "give an example of the new option"
    block = "".join(f"  {name}: {text}\n" for name, (text, _) in SAID.items())
    found = load_settings(write(project, f"scheduler:\n{block}")).scheduler.options
    assert found == {name: value for name, (_, value) in SAID.items()}


@pytest.mark.parametrize("name", ["JiraCloud", "bool-wiki"])
def test_a_site_may_have_any_name(project: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=rf"sites.{name}: unknown option 'ulr'.* .did you mean 'url'"):
        load_settings(write(project, f"sites: {{{name}: {{ulr: x}}}}"))


def test_rules_and_heartbeats_are_read(project: Path) -> None:
    settings = load_settings(
        write(
            project,
            "notify:\n"
            "  rules: [{task: sales, not_done_for: 26h}, {failures: 30%}, {failures: 0.3, of: 5}]\n"
            "  heartbeats: {sales: https://hc.example.org/0f2d7c1e}\n",
        )
    )
    first, second, third = settings.notify.rules
    assert (first.task, first.not_done_for, first.failures) == ("sales", 26 * 3600, None)
    assert (second.task, second.not_done_for, second.failures, second.of) == ("*", None, "30%", 20)
    assert (third.failures, third.of) == ("30%", 5)
    assert "0f2d7c1e" not in repr(settings)
    with pytest.raises(SettingsError, match=r"yaml:1:19: notify.rules.0.failures='most' .a share"):
        load_settings(write(project, "notify: {rules: [{failures: most}]}\n"))
