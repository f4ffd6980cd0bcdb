"""Settings come from the project's file and the environment; secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.errors import SettingsError
from schedkit.settings import load_settings, project_root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SCHEDKIT_SITES__A__TOKEN", "A_TOKEN", "SCHEDKIT_SCHEDULER__CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(project: Path, text: str) -> Path:
    (project / "schedkit.yaml").write_text(text, encoding="utf-8")
    return project


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
    assert settings.scheduler.concurrency == 9
    assert settings.notify.channels[0].env == "s3cret"
    monkeypatch.setenv("SCHEDKIT_SITES__A__TOKEN", "other")
    token = load_settings(project).sites["a"].token
    assert token is not None
    assert token.get_secret_value() == "other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sites:\n  a: {ulr: x}", r"schedkit.yaml:2:7: unknown key 'sites.a.ulr': did you mean 'url'"),
        ("scheduler:\n  concurrency: 0", r"schedkit.yaml:2:3: scheduler.concurrency: .*greater than"),
        (
            "scheduler:\n  tz: Europe/Berln",
            r"yaml:2:3: scheduler.tz: .*did you mean .Europe/Berlin",
        ),
        ("sitse: {}", r"schedkit.yaml:1:1: unknown key 'sitse': did you mean 'sites'"),
        ("- 1", "holds list, not settings"),
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
    with pytest.raises(SettingsError, match=r"environment: scheduler.concurrency: Input should be") as caught:
        load_settings(project)
    assert "many" not in str(caught.value)


def test_the_root_is_the_nearest_marked_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / ".git").mkdir()
    assert project_root(inner) == tmp_path / "a"
    monkeypatch.chdir(inner)
    assert project_root() == tmp_path / "a"
    lonely = Path(tmp_path.anchor)
    assert project_root(lonely) == lonely
