"""Clients of sites as the settings name them: an OAuth 2.0 login replaces its refresh token at every use."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schedkit.app import App
from schedkit.demo import DemoSite
from schedkit.errors import FileError, SettingsError
from schedkit.settings import load_settings, read_settings
from schedkit.values.secrets import keep_secret


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=20) as site:
        yield site


@pytest.fixture
def project(tmp_path: Path, site: DemoSite) -> Path:
    (tmp_path / "refresh").write_text(site.oauth.refresh_token + "\n", encoding="utf-8")
    (tmp_path / "secret").write_text(site.oauth.client_secret, encoding="utf-8")
    settings(tmp_path, site)
    return tmp_path


def settings(folder: Path, site: DemoSite, more: str = "", refresh_token: str = "file:refresh") -> None:
    cloud, login = site.jira_cloud.url, site.oauth
    text = f"""
        sites:
          cloud:
            url: {cloud}
            {more}
            oauth2:
              client_id: {login.client_id}
              client_secret: file:secret
              refresh_token: {refresh_token}
              token_url: {cloud.removesuffix("/jira")}/oauth/token
        """
    (folder / "schedkit.yaml").write_text(text, encoding="utf-8")


def client(project: Path) -> Any:
    """Return the site's client as another process makes it."""
    return App(load_settings(project), project).site("cloud")


def test_the_replaced_refresh_token_is_kept_where_it_was_read(project: Path, site: DemoSite) -> None:
    before = site.oauth.refresh_token
    assert client(project).myself()["active"] is True
    kept = project / "refresh"
    assert kept.read_text().strip() == site.oauth.refresh_token != before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert client(project).myself()["active"] is True  # a process that starts later


def test_a_process_renews_with_what_another_one_has_kept(project: Path, site: DemoSite) -> None:
    clients = [client(project), client(project)]  # both have read the same refresh token
    for _ in range(2):
        for each in clients:
            assert each.myself()["active"] is True
        site.oauth.expire()


@pytest.mark.parametrize("reference", ["${REFRESH}", "plain"])
def test_a_refresh_token_that_could_not_be_kept_is_refused(
    project: Path, site: DemoSite, reference: str
) -> None:
    settings(project, site, refresh_token=reference)
    with pytest.raises(SettingsError, match=r"sites\.cloud\.oauth2\.refresh_token: each renewal replaces it"):
        client(project)


def test_two_logins_are_refused(project: Path, site: DemoSite) -> None:
    settings(project, site, more="token: x")
    with pytest.raises(SettingsError, match="two logins"):
        client(project)


def test_a_file_that_is_not_there(project: Path) -> None:
    (project / "secret").unlink()
    with pytest.raises(FileError, match=r"sites\.cloud\.oauth2\.client_secret: "):
        client(project)


def test_a_place_that_cannot_be_written_to(project: Path, site: DemoSite) -> None:
    (project / "taken").write_text("no folder")
    with pytest.raises(FileError, match="taken"):
        keep_secret("file:taken/refresh", "text", project)


def test_a_keyring_that_is_not_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # it cannot be imported
    with pytest.raises(SettingsError, match="there is no keyring"):
        keep_secret("keyring:refresh", "text", project)


def test_secrets_in_plain_text_are_told(project: Path, site: DemoSite) -> None:
    settings(project, site, refresh_token="plain")
    (warning,) = read_settings(project / "schedkit.yaml").warnings
    assert "in plain text: sites.cloud.oauth2.refresh_token" in warning
