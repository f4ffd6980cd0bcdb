"""Renewing an OAuth 2.0 access token."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from schedkit.atlassian.bodies import opened
from schedkit.atlassian.credentials import Credentials, OAuth2
from schedkit.atlassian.decoding import decoded
from schedkit.atlassian.error_mapping import error_text
from schedkit.atlassian.transport import Wire
from schedkit.atlassian.unpacking import OversizeError
from schedkit.errors import AuthError, UnavailableError
from schedkit.values.failures import certificate_reason, reason

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
    # Never in a variable of its own, which a traceback with variables would show.
    renewing = oauth2.renewing or (lambda: nullcontext(oauth2.refresh_token))
    with renewing() as oauth2.refresh_token:
        _renewed(oauth2, wire)


def _renewed(oauth2: OAuth2, wire: Wire) -> None:
    server = f"the token server {oauth2.token_url}"
    try:
        status, fields, words = _exchanged(oauth2, wire)
    except Exception as problem:
        raise _no_answer(server, problem) from None
    if 300 <= status < 400 or status == 429 or status >= 500 or not isinstance(fields, dict):
        answer = f"answered {status}" if status >= 300 else f"answered with a {type(fields).__name__}"
        raise UnavailableError(f"{server} {answer}", hint="check token_url, or try again later")
    access, refresh = fields.get("access_token"), fields.get("refresh_token")
    if not access or not isinstance(access, str):
        raise AuthError(
            f"{server} refused to renew the login: {words}",
            status=status,
            hint="authorise the application again",
        )
    oauth2.access_token = access
    # Rotating refresh tokens: the old one is void from now on.
    oauth2.refresh_token = refresh if refresh and isinstance(refresh, str) else oauth2.refresh_token
    if oauth2.on_refresh:
        oauth2.on_refresh(oauth2.access_token, oauth2.refresh_token)


def _exchanged(oauth2: OAuth2, wire: Wire) -> tuple[int, Any, str]:
    """Return the answer's status, fields and words; errors of ours do not show this frame and its secrets."""
    import requests

    asked = {
        "grant_type": "refresh_token",
        "client_id": oauth2.client_id,
        "client_secret": oauth2.client_secret,
        "refresh_token": oauth2.refresh_token,
    }
    # Atlassian Cloud documents JSON at /oauth/token; Data Center and the standard take a form.
    cloud = oauth2.token_url.endswith("/oauth/token")
    with requests.post(
        oauth2.token_url,
        data=None if cloud else asked,
        json=asked if cloud else None,
        timeout=wire.timeout,
        verify=wire.verify,
        cert=wire.cert,
        proxies=dict(wire.proxies) if wire.proxies else None,
        # A redirect would send the secrets to whatever host it names.
        allow_redirects=False,
        stream=True,
    ) as answer:
        status, body = answer.status_code, opened(answer.raw, bytes)
    words = Credentials(None, None, oauth2).scrub(error_text(body))
    return status, decoded(body) if status < 300 else {}, words


def _no_answer(server: str, problem: Exception) -> Exception:
    import requests
    import urllib3

    tls = certificate_reason(problem)
    known = tls or reason(problem)
    if known is None and not isinstance(
        problem, requests.RequestException | urllib3.exceptions.HTTPError | OversizeError | OSError
    ):
        return problem
    why = known.why if known else type(problem).__name__
    return UnavailableError(
        f"{server} gave no usable answer: {why}",
        hint=tls.hint if tls else "check token_url and the network",
    )
