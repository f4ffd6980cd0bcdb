"""`Jira.connect`: asked once, hidden, checked, kept."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from schedkit.atlassian.kept_logins import (
    forget,
    given_logins,
    private_file,
    recall,
    take_logins,
    token_variable,
)
from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import AuthError, UsageError
from schedkit.jira import Jira


class InMemory(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.held:
            raise keyring.errors.PasswordDeleteError("none")
        del self.held[service, username]


@pytest.fixture(autouse=True)
def _nothing_typed() -> Iterator[None]:
    """Each test is a process that was asked for nothing yet."""
    new_process()
    yield
    new_process()


def new_process() -> None:
    take_logins(dict.fromkeys(given_logins(), ""))


@pytest.fixture
def ring() -> Iterator[InMemory]:
    before, ring = keyring.get_keyring(), InMemory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Let the person at the keyboard type a token; returns what was asked."""

    def types(token: str) -> list[str]:
        asked: list[str] = []
        monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or token)
        return asked

    return types


def test_asked_once_and_kept(demo_site: DemoSite, ring: InMemory, typed) -> None:
    site = demo_site.jira_dc
    asked = typed(site.token)
    assert len(Jira.connect(site.url).search("project = DEMO", limit=3)) == 3
    assert asked == [f"Token for you at {site.url} (not shown): "]
    assert len(Jira.connect(site.url + "/").search("project = DEMO", limit=3)) == 3
    assert len(asked) == 1, "the second time nobody is asked"
    assert list(ring.held) == [("schedkit", site.url)]
    assert Jira.connect(site.url, again=True).myself()
    assert len(asked) == 2
    new_process()
    assert Jira.connect(site.url).myself()
    assert len(asked) == 2, "another process finds it in the keyring"
    forget(site.url)
    assert recall(site.url, None) is None
    forget(site.url)


def test_with_a_user(demo_site: DemoSite, ring: InMemory, typed) -> None:
    site = demo_site.jira_cloud
    typed(site.token)
    assert Jira.connect(site.url, user=site.user).site.credentials.user == site.user
    assert recall(site.url, site.user) == (site.user, site.token)
    assert Jira.connect(site.url, user=site.user).myself()


def test_a_wrong_token_is_not_kept(demo_site: DemoSite, ring: InMemory, typed) -> None:
    typed("mistyped-token")
    with pytest.raises(AuthError, match="login was refused") as caught:
        Jira.connect(demo_site.jira_dc.url)
    assert "mistyped-token" not in str(caught.value)
    assert ring.held == {}
    ring.set_password("schedkit", demo_site.jira_dc.url, "\nexpired-token")
    with pytest.raises(AuthError, match="again=True"):
        Jira.connect(demo_site.jira_dc.url)


def test_a_token_that_is_given_is_not_asked_for_nor_kept(demo_site: DemoSite, ring: InMemory, typed) -> None:
    asked = typed("nobody asks")
    for site, kind in ((demo_site.jira_dc, Jira), (demo_site.confluence_dc, Confluence)):
        assert kind.connect(site.url, token=site.token).myself()
    assert Jira.connect(
        demo_site.jira_cloud.url, demo_site.jira_cloud.user, demo_site.jira_cloud.token
    ).myself()
    with pytest.raises(AuthError, match="login was refused"):
        Jira.connect(demo_site.jira_dc.url, token="mistyped-token")
    assert asked == []
    assert ring.held == {}


@pytest.mark.parametrize("kind", [Jira, Confluence])
def test_a_wrong_option_is_told_before_a_token_is_typed(kind: Any, typed) -> None:
    asked = typed("nobody asks")
    with pytest.raises((UsageError, TypeError), match="timout"):
        kind.connect("https://issues.example.org", timout=3)
    with pytest.raises(UsageError, match="issues example"):
        kind.connect("https://issues example.org")
    assert asked == []


def test_a_confluence_takes_its_main_page(demo_site: DemoSite, ring: InMemory, typed) -> None:
    site = demo_site.confluence_dc
    asked = typed(site.token)
    wiki = Confluence.connect(site.url, main_page_id=100003)
    plan = wiki.publish("Child of the main page", template="<p>x</p>", values={})
    assert "creates page 'Child of the main page' under page 100003" in repr(plan)
    with pytest.raises(UsageError, match=r"the page is of other.example.org"):
        Confluence.connect(site.url, again=True, main_page_id="https://other.example.org/pages/100003")
    assert len(asked) == 1, "a wrong page is refused before a token is typed"


def test_cloud_asks_for_the_address(ring: InMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    from schedkit.atlassian.login import ask_login

    monkeypatch.setattr("builtins.input", lambda prompt: " ann@example.org ")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "tok-1234")
    assert ask_login("https://x.atlassian.net", None) == ("ann@example.org", "tok-1234")


def test_nobody_to_ask(demo_site: DemoSite, ring: InMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", nobody)
    with pytest.raises(AuthError, match="cannot ask for the login"):
        Jira.connect(demo_site.jira_dc.url)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: " ")
    with pytest.raises(UsageError, match="no token was given"):
        Jira.connect(demo_site.jira_dc.url)


def test_without_a_keyring(
    demo_site: DemoSite,
    typed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    site = demo_site.jira_dc
    asked = typed(site.token)
    from keyring.backends import fail

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        assert Jira.connect(site.url).myself()
    finally:
        keyring.set_keyring(before)
    assert f"Create a token at {site.url}/secure/ViewProfile.jspa" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert Jira.connect(site.url).myself()
    assert len(asked) == 1, "the same process is not asked twice"
    (told,) = caplog.messages
    assert told == (
        f"the token of {site.url} is forgotten when this process ends: there is no keyring. connect(url, "
        f"keep='file') keeps it in {private_file(site.url, None)}, which only you can read; or set the "
        f"environment variable {token_variable(site.url)}"
    )
    assert Jira.connect(site.url, again=True, keep="file").myself()
    new_process()
    assert Jira.connect(site.url).myself()
    assert len(asked) == 2, "it was kept in a file"
    assert len(caplog.messages) == 1
    with pytest.raises(UsageError, match="keep"):
        Jira.connect(site.url, keep="here")


@pytest.mark.parametrize("dialect", ["cloud", "dc"])
def test_a_wiki_asks_once_too(demo_site: DemoSite, ring: InMemory, typed, dialect: str) -> None:
    site = getattr(demo_site, f"confluence_{dialect}")
    asked = typed(site.token)
    wiki = Confluence.connect(site.url, user=site.user)
    assert wiki.myself()
    assert Confluence.connect(site.url, user=site.user).myself() == wiki.myself()
    assert len(asked) == 1
    typed("wrong-token")
    with pytest.raises(AuthError) as refused:
        Confluence.connect(site.url, user=site.user, again=True)
    assert "wrong-token" not in str(refused.value)
