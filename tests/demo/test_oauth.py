"""OAuth 2.0: access tokens run out, refresh tokens change at every use."""

from __future__ import annotations

import httpx
import pytest

from schedkit.demo import DemoSite
from schedkit.demo.oauth import TokenServer


def exchange(site: DemoSite, **other: str) -> httpx.Response:
    asked = {
        "grant_type": "refresh_token",
        "client_id": site.oauth.client_id,
        "client_secret": site.oauth.client_secret,
        "refresh_token": site.oauth.refresh_token,
    }
    return httpx.post(f"{site.url}/oauth/token", json=asked | other)


def test_tokens_are_exchanged_used_and_run_out() -> None:
    with DemoSite(issues=10) as site:
        first = site.oauth.refresh_token
        given = exchange(site).json()
        assert given["refresh_token"] == site.oauth.refresh_token != first
        assert given["expires_in"] == 3600
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        with httpx.Client(base_url=site.url, headers=headers) as http:
            assert http.get("/rest/api/3/myself").json()["displayName"] == "Demo Analyst"
            assert http.get("/wiki/api/v2/pages/100001").status_code == 200
            site.oauth.expire()
            refused = http.get("/rest/api/3/myself")
            assert (refused.status_code, refused.json()["code"]) == (401, 401)
            assert http.post("/rest/api/3/search/jql", json={"jql": "id > 1"}).status_code == 401
            assert (
                http.post("/rest/api/3/search/approximate-count", json={"jql": "id > 1"}).status_code == 401
            )
        assert exchange(site, refresh_token=first).status_code == 403
        assert exchange(site).status_code == 200


@pytest.mark.parametrize(
    ("other", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": "used"}, 403, "invalid_grant"),
    ],
)
def test_a_bad_exchange_is_refused(
    demo_site: DemoSite, other: dict[str, str], status: int, error: str
) -> None:
    answer = exchange(demo_site, **other)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_an_access_token_holds_for_its_lifetime() -> None:
    now = [0.0]
    tokens = TokenServer(lambda: now[0])
    tokens._until["abc"] = 10.0
    assert tokens.admits("abc")
    now[0] = 10.0
    assert not tokens.admits("abc")
    assert not tokens.admits("other")
