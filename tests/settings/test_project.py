"""Which folder is a project's root, and whose settings file is obeyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schedkit.errors import SettingsError
from schedkit.settings import FILE_NAME, SETTINGS_VARIABLE, find_project, project_root


def test_the_root_is_the_nearest_marked_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / ".git").mkdir()
    assert project_root(inner) == tmp_path / "a"
    monkeypatch.chdir(inner)
    assert project_root() == tmp_path / "a"
    lonely = Path(tmp_path.anchor)
    assert project_root(lonely) == lonely


@pytest.mark.parametrize("mark", [FILE_NAME, ".git", "pyproject.toml"])
def test_a_parent_that_others_may_write_to_is_not_obeyed(tmp_path: Path, mark: str) -> None:
    shared = tmp_path / "shared"
    inner = shared / "mine" / "notebooks"
    inner.mkdir(parents=True)
    (shared / mark).write_text("")
    assert find_project(inner).root == shared
    shared.chmod(0o777)
    found = find_project(inner)
    assert found.root != shared
    assert found.file != shared / FILE_NAME
    assert found.ignored == (shared,)
    assert "other users may write there" in found.warning
    # The folder one works in is one's own choice.
    assert find_project(shared).root == shared


def test_a_file_that_others_may_write_to_is_not_obeyed(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / FILE_NAME).write_text("")
    (tmp_path / FILE_NAME).chmod(0o666)
    assert find_project(inner).ignored == (tmp_path,)
    (tmp_path / FILE_NAME).chmod(0o660)
    assert find_project(inner).root == tmp_path


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_obeyed(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / FILE_NAME).write_text("")
    os.chown(tmp_path / FILE_NAME, 12345, 12345)
    assert find_project(inner).ignored == (tmp_path,)


def test_a_settings_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    (shared / "env.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SETTINGS_VARIABLE, "shared/env.yaml")
    found = find_project()
    assert (found.root, found.file, found.warning) == (shared, shared / "env.yaml", "")
    monkeypatch.setenv(SETTINGS_VARIABLE, "nowhere.yaml")
    with pytest.raises(SettingsError, match=r"there is no settings file .*nowhere.yaml .correct --settings"):
        find_project()
