"""A client and its parts are pickled as the name by which another process opens its own, or not at all."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from schedkit.atlassian import Site
from schedkit.atlassian.credentials import Credentials, OAuth2
from schedkit.confluence import Confluence
from schedkit.errors import UsageError
from schedkit.jira import Jira

URL = "https://x.example.org"
TOKEN = "s3cret-token"

PARTS: dict[str, tuple[Any, Any]] = {
    "jira": (Jira, lambda client: client),
    "its async side": (Jira, lambda client: client.aio),
    "its site": (Jira, lambda client: client.site),
    "its method": (Jira, lambda client: client.search),
    "its async method": (Jira, lambda client: client.aio.search),
    "confluence": (Confluence, lambda client: client),
    "its async side too": (Confluence, lambda client: client.aio),
    "its server": (Confluence, lambda client: client.aio.server),
    "a page": (Confluence, lambda client: client.page(100001)),
    "a table": (Confluence, lambda client: client.page(100001).table("heading:Open bugs")),
}
every_part = pytest.mark.parametrize("part", PARTS)

opened: list[Any] = []


def opens() -> Any:
    """Return the client that the other process has."""
    return opened[-1]


def made(part: str) -> tuple[Any, Any]:
    kind, take = PARTS[part]
    client = kind(URL, token=TOKEN)
    return client, take(client)


@every_part
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_was_opened_by_name_travels_as_the_name(part: str, protocol: int) -> None:
    client, thing = made(part)
    client.site.opener = opens
    sent = pickle.dumps({"thing": thing}, protocol)
    assert TOKEN.encode() not in sent
    assert URL.encode() not in sent
    opened[:] = [PARTS[part][0]("https://other.example.org", token="other")]
    arrived = pickle.loads(sent)["thing"]
    expected = PARTS[part][1](opened[0])
    assert type(arrived) is type(expected)
    assert repr(arrived).split(" at 0x")[0] == repr(expected).split(" at 0x")[0]


def test_a_page_that_arrived_talks_to_the_site_that_was_opened_there() -> None:
    client, table = made("a table")
    client.site.opener = opens
    opened[:] = [Confluence("https://other.example.org", token="other")]
    arrived = pickle.loads(pickle.dumps(table))
    assert arrived.aio.server is opened[0].aio.server


@every_part
def test_what_has_no_name_is_refused(part: str) -> None:
    _, thing = made(part)
    with pytest.raises(
        UsageError, match=r"\('https://x\.example\.org'\) holds a login, which is never"
    ) as told:
        pickle.dumps(thing)
    assert "schedkit.site('NAME')" in told.value.hint


@pytest.mark.parametrize(
    "login",
    [
        Credentials("ann", TOKEN),
        OAuth2("id", client_secret=TOKEN, refresh_token=TOKEN),
        Credentials(None, None, OAuth2("id", client_secret=TOKEN, refresh_token=TOKEN)),
    ],
    ids=["credentials", "oauth2", "both"],
)
def test_a_login_is_refused(login: Any) -> None:
    with pytest.raises(UsageError, match="holds a login, which is never pickled") as told:
        pickle.dumps(login)
    assert TOKEN not in str(told.value)


def test_a_site_that_arrived_can_travel_on() -> None:
    client = Jira(URL, token=TOKEN)
    client.site.opener = opens
    opened[:] = [client]
    arrived = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(client.site))))
    assert isinstance(arrived, Site)
    assert arrived is client.site
