"""How a client is made: of a URL and a login, or of a site, never of both."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.atlassian import Site
from schedkit.confluence import Confluence
from schedkit.errors import UsageError
from schedkit.jira import Jira

CLIENTS = [Jira, Confluence]
URL = "https://x.example.org"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"url": URL}, "url"),
        ({"user": "ann"}, "user"),
        ({"token": "s3cret"}, "token"),
        ({"timeout": 3}, "timeout"),
        ({"retries": 0, "verify": False}, "retries"),
    ],
)
def test_a_site_takes_no_options_besides(client: Any, given: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        client(site=Site(URL, token="s3cret"), **given)
    assert caught.value.message == f"{client.__name__} takes no {named} together with site"
    assert caught.value.hint == "give it to Site(…) instead"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_needs_a_url_or_a_site(client: Any) -> None:
    with pytest.raises(UsageError, match=f"{client.__name__} needs a url or a site"):
        client(token="s3cret")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("cloud", [None, True, False])
def test_a_client_of_a_site_uses_it(client: Any, cloud: bool | None) -> None:
    site = Site(URL, token="s3cret")
    made = client(site=site, cloud=cloud)
    assert made.site is site
    assert repr(made) == f"{client.__name__}('{URL}')"


def test_confluence_is_asked_for_below_wiki_whether_or_not_the_address_says_so() -> None:
    wiki = Confluence("https://x.atlassian.net/wiki/", user="ann@x.org", token="s3cret")
    assert wiki.site.url == "https://x.atlassian.net"
    assert repr(wiki) == "Confluence('https://x.atlassian.net', user='ann@x.org')"
