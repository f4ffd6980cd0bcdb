"""Renewing an OAuth 2.0 access token."""

from __future__ import annotations

from schedkit.atlassian.credentials import OAuth2
from schedkit.atlassian.judge import said
from schedkit.atlassian.transport import Wire
from schedkit.errors import AuthError, UnavailableError

__all__ = ["renew"]


def renew(oauth2: OAuth2, wire: Wire) -> None:
    """Exchange the refresh token for a new access token; blocking.

    The token server gets a session of its own: a site's headers and cookies are not for it.

    Raises
    ------
    AuthError
        If the refresh token is not accepted.
    UnavailableError
        If the token server does not answer as it should.
    """
    import requests

    asked = {
        "grant_type": "refresh_token",
        "client_id": oauth2.client_id,
        "client_secret": oauth2.client_secret,
        "refresh_token": oauth2.refresh_token,
    }
    # Atlassian Cloud documents JSON at /oauth/token; Data Center and the standard take a form.
    cloud = oauth2.token_url.endswith("/oauth/token")
    try:
        answer = requests.post(
            oauth2.token_url,
            data=None if cloud else asked,
            json=asked if cloud else None,
            timeout=wire.timeout,
            verify=wire.verify,
            cert=wire.cert,
            proxies=dict(wire.proxies) if wire.proxies else None,
        )
        fields = answer.json() if answer.ok else {}
    except (requests.RequestException, ValueError) as problem:
        raise UnavailableError(
            f"the token server {oauth2.token_url} gave no usable answer: {type(problem).__name__}",
            hint="check token_url and the network",
        ) from None
    if answer.status_code >= 500:
        raise UnavailableError(f"the token server {oauth2.token_url} answered {answer.status_code}")
    access = fields.get("access_token")
    if not access:
        raise AuthError(
            f"the token server {oauth2.token_url} refused to renew the login: {said(answer.content)}",
            status=answer.status_code,
            hint="authorise the application again",
        )
    oauth2.access_token = access
    # Rotating refresh tokens: the old one is void from now on.
    oauth2.refresh_token = fields.get("refresh_token") or oauth2.refresh_token
    if oauth2.on_refresh:
        oauth2.on_refresh(oauth2.access_token, oauth2.refresh_token)
