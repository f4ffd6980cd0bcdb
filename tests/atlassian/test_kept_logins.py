"""Where a login that was typed is found again."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.atlassian.kept_logins import (
    forget,
    given_logins,
    private_file,
    recall,
    remember,
    take_logins,
    token_variable,
)
from schedkit.errors import FileError

URL = "https://issues.example.org:8443/jira"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setitem(sys.modules, "keyring", None)  # it cannot be imported
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for user in (None, "ann"):
        forget(URL, user)


def test_this_process_remembers_what_was_typed() -> None:
    assert recall(URL, None) is None
    assert not remember(URL, None, None, "abcd1234"), "there is no keyring"
    assert recall(URL + "/", None) == (None, "abcd1234")
    assert recall(URL, "ann") is None
    logins = given_logins()
    forget(URL)
    assert recall(URL, None) is None
    take_logins(logins)
    assert recall(URL, None) == (None, "abcd1234")


def test_a_file_is_for_its_owner_alone(home: Path) -> None:
    assert remember(URL, "ann", "ann", "abcd1234", keep="file")
    path = private_file(URL, "ann")
    assert path == home / ".schedkit" / "secrets" / "issues.example.org_8443_jira_ann"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    take_logins(dict.fromkeys(given_logins(), ""))  # another process
    assert recall(URL, "ann") == ("ann", "abcd1234")
    forget(URL, "ann")
    assert not path.exists()


def test_an_environment_variable_holds_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    assert token_variable(URL) == "SCHEDKIT_TOKEN_ISSUES_EXAMPLE_ORG_8443"
    monkeypatch.setenv(token_variable(URL), "abcd1234")
    assert recall(URL, None) == (None, "abcd1234")
    assert recall(URL, "ann") == ("ann", "abcd1234")


def test_a_file_of_the_project_holds_a_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``schedkit connect`` writes it; a notebook lies in a folder below."""
    path = home / "work" / ".schedkit" / "secrets" / "issues.example.org_8443_jira"
    path.parent.mkdir(parents=True)
    path.write_text("abcd1234\n")
    (home / "work" / "notebooks").mkdir()
    monkeypatch.chdir(home / "work" / "notebooks")
    assert recall(URL, "ann") == ("ann", "abcd1234")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="is not UTF-8 text"):
        recall(URL, None)
