"""OAuth 2.0: access tokens run out, refresh tokens change at every use."""

from __future__ import annotations

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from schedkit.demo import DemoSite
from schedkit.demo.oauth import TokenServer


def registered(tokens: TokenServer) -> dict[str, str]:
    """Return what an application asks for a token with."""
    return {
        "grant_type": "refresh_token",
        "client_id": tokens.client_id,
        "client_secret": tokens.client_secret,
        "refresh_token": tokens.refresh_token,
    }


def exchange(site: DemoSite, **other: str) -> httpx.Response:
    return httpx.post(f"{site.url}/oauth/token", json=registered(site.oauth) | other, timeout=60)


async def access_token(tokens: TokenServer) -> str:
    app = Starlette(routes=[Route("/oauth/token", tokens.exchange, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo.example.org", timeout=60) as http:
        answer = await http.post("/oauth/token", json=registered(tokens))
    return str(answer.json()["access_token"])


def test_tokens_are_exchanged_used_and_run_out() -> None:
    with DemoSite(issues=10) as site:
        first = site.oauth.refresh_token
        given = exchange(site).json()
        assert given["refresh_token"] == site.oauth.refresh_token != first
        assert given["expires_in"] == 3600
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        with httpx.Client(base_url=site.url, headers=headers, timeout=60) as http:
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
    tokens.lifetime = 10.0
    token = anyio.run(access_token, tokens)
    now[0] = 9.9
    assert tokens.admits(token)
    now[0] = 10.0
    assert not tokens.admits(token)
    assert not tokens.admits("other")
