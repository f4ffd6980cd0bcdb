"""No secret in a repr, an error, a log line or a URL; credentials that cannot be are refused."""

from __future__ import annotations

import base64
import logging
import re
import traceback

import pytest

from schedkit.atlassian import OAuth2, Request, Site
from schedkit.atlassian.credentials import normalised
from schedkit.errors import AuthError, BadAnswerError, SchedkitError, UnavailableError, UsageError
from schedkit.loop import service

SECRET = "s3cret-t0ken"


def call(site: Site, request: Request, *, variables: bool = True) -> str:
    """Everything a failing call prints."""
    with pytest.raises(SchedkitError) as caught:
        service().call(site.send, request)
    error = caught.value
    frames = traceback.TracebackException.from_exception(error, capture_locals=variables)
    return "\n".join([*frames.format(), repr(error), str(error), repr(error.__dict__)])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 503, 302])
def test_a_site_that_echoes_the_login(scripted, clock, caplog, capfd, status) -> None:
    basic = base64.b64encode(f"ann@example.org:{SECRET}".encode()).decode()
    body = f'{{"errorMessages": ["token {SECRET}, header {basic}"]}}'.encode()
    headers = {"Content-Type": "application/json", "Location": f"http://x/{SECRET}?t={SECRET}"}
    scripted.script = lambda asked, n: scripted.reply(status, body, headers)
    site = Site(scripted.url, user="ann@example.org", token=SECRET, clock=clock, retries=1, patience=1)
    with caplog.at_level(logging.DEBUG):
        printed = call(site, Request("POST", "/rest/x", json={"a": 1}, idempotent=True), variables=False)
    printed += caplog.text + repr(site) + "".join(capfd.readouterr())
    assert "POST" in printed
    assert SECRET not in printed
    assert basic not in printed


@pytest.mark.parametrize("status", [401, 503])
def test_a_traceback_with_variables(scripted, clock, status) -> None:
    scripted.script = lambda asked, n: scripted.reply(status)
    site = Site(scripted.url, user="ann@example.org", token=SECRET, clock=clock, retries=1)
    printed = call(site, Request("GET", "/rest/x"))
    assert "site = Site('http://127.0.0.1" in printed
    assert SECRET not in printed


OAUTH = {"client_id": "id", "client_secret": "app-s3cret", "refresh_token": "refresh-s3cret"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            b'{"error_description": "refresh token refresh-s3cret of app-s3cret expired"}',
            r"\*\*\* expired",
        ),
        (200, b'["access_token"]', "answered with a list"),
        (200, b'{"access_token": 5}', "refused to renew"),
        (200, b"[" * 100_000, "nested too deeply"),
        (200, b"no json", "not the expected JSON"),
        (307, b"", "answered 307"),
        (429, b"", "answered 429"),
    ],
)
def test_a_token_server_that_misbehaves(scripted, status: int, body: bytes, words: str) -> None:
    headers = {"Content-Type": "application/json", "Location": f"{scripted.url}/elsewhere"}
    scripted.script = lambda asked, n: scripted.reply(status, body, headers)
    site = Site(scripted.url, oauth2=OAuth2(**OAUTH, token_url=f"{scripted.url}/token"))
    printed = call(site, Request("GET", "/x"))
    assert re.search(words, printed)
    assert [asked.path for asked in scripted.asked] == ["/token"], "a redirect would take the secrets along"
    assert "s3cret" not in printed


@pytest.mark.parametrize(
    "login",
    [
        {"token": SECRET},
        {"user": "ann", "token": SECRET},
        {"oauth2": OAuth2("id", "app", "refresh", access_token=SECRET)},
    ],
    ids=["bearer", "basic", "oauth2"],
)
def test_nothing_of_ours_goes_to_another_host_and_its_data_is_not_the_sites(scripted, login) -> None:
    elsewhere = scripted.url.replace("127.0.0.1", "localhost") + "/elsewhere"
    answers = {"/rest/x": scripted.reply(302, b"", {"Location": elsewhere})}
    scripted.script = lambda asked, n: answers.get(asked.path, scripted.reply())
    site = Site(scripted.url, **login, headers={"X-Api-Key": SECRET})
    with pytest.raises(BadAnswerError, match=r"was redirected to localhost \(if the site has moved there"):
        service().call(site.send, Request("GET", "/rest/x"))
    assert service().call(site.send, Request("GET", "/rest/x", raw=True)).body == b'{"ok": true}'
    assert [asked.path for asked in scripted.asked] == ["/rest/x", "/elsewhere"] * 2
    assert {"X-Api-Key", "Authorization"} <= scripted.asked[0].headers.keys()
    for asked in scripted.asked[1::2]:
        assert not {"X-Api-Key", "Authorization"} & asked.headers.keys()
        assert SECRET not in str(asked.headers)


def test_reads_may_be_redirected_to_a_host_that_is_named(scripted) -> None:
    elsewhere = scripted.url.replace("127.0.0.1", "localhost") + "/elsewhere"
    answers = {"/rest/x": scripted.reply(302, b"", {"Location": elsewhere})}
    scripted.script = lambda asked, n: answers.get(asked.path, scripted.reply())
    site = Site(scripted.url, token=SECRET, headers={"X-Api-Key": SECRET}, redirects=["LocalHost"])
    assert service().call(site.send, Request("GET", "/rest/x")).body == b'{"ok": true}'
    assert SECRET not in str(scripted.asked[1].headers)
    with pytest.raises(BadAnswerError, match="was redirected to localhost"):
        service().call(
            Site(scripted.url, token=SECRET, redirects="other.example.org").send, Request("GET", "/rest/x")
        )


@pytest.mark.parametrize("host", ["https://x.example.org", "x.example.org/a", "x.example.org:80", "", 7])
def test_a_host_is_named_without_anything_else(host: object) -> None:
    with pytest.raises(UsageError, match="redirects="):
        Site("https://x.example.org", redirects=host)


def test_pages_are_not_copied_into_debug_logs(scripted, caplog) -> None:
    scripted.script = lambda asked, n: scripted.reply(body=b'{"summary": "confidential plan"}')
    with caplog.at_level(logging.DEBUG):
        service().call(Site(scripted.url, token=SECRET).send, Request("GET", "/x"))
    assert "/x" in caplog.text
    assert "confidential" not in caplog.text
    assert SECRET not in caplog.text


def test_proxy_passwords_stay_out_of_errors(clock) -> None:
    proxy = f"http://joe:{SECRET}@127.0.0.1:9"
    site = Site("http://jira.example.org", proxies={"http": proxy}, clock=clock)
    printed = call(site, Request("POST", "/x"))
    assert "check proxies=" in printed
    assert SECRET not in printed


def test_passwords_of_other_addresses_stay_out_of_errors(clock) -> None:
    site = Site("http://jira.example.org", proxies={"http": f"http://joe:{SECRET}@[proxy"}, clock=clock)
    assert SECRET not in call(site, Request("POST", "/x"), variables=False)
    site = Site("http://jira.example.org", clock=clock)
    printed = call(site, Request("GET", f"http://joe:{SECRET}@wiki.example.org/x"), variables=False)
    assert "the address is of joe:********@wiki.example.org" in printed
    assert SECRET not in printed


def test_a_wrong_ca_file(scripted, clock, tmp_path) -> None:
    site = Site("https" + scripted.url[4:], token=SECRET, verify=str(tmp_path / "none.pem"), clock=clock)
    assert "none.pem" in call(site, Request("GET", "/x"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("jira.example.org", "is not a site's URL"),
        ("ftp://jira.example.org", "is not a site's URL"),
        ("", "is not a site's URL"),
        (None, "is not a site's URL"),
        ("https://", "is not a site's URL"),
        (f"https://ann:{SECRET}@jira.example.org", "holds a user or password"),
        (f"ann:{SECRET}@jira.example.org", "is not a site's URL"),
        (f"https://ann:{SECRET}@[jira.example.org", "is not a site's URL"),
        ("https://jira.example.org:99999", "impossible port"),
    ],
)
def test_urls_that_are_none(url, words) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Site(url)
    assert SECRET not in str(caught.value)


def test_urls_are_normalised() -> None:
    assert normalised(" https://x.example.org/jira/?os=1#top ") == "https://x.example.org/jira"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"user": "ann"}, "no token for user 'ann'"),
        ({"token": SECRET + "\n"}, "the token has blanks or line breaks"),
        ({"user": " ann", "token": SECRET}, "the user has blanks"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": "soon"}, "timeout: invalid duration 'soon'"),
        ({"retries": -1}, "retries=-1"),
    ],
)
def test_arguments_that_cannot_be(arguments, words) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Site("https://jira.example.org", **arguments)
    assert SECRET not in str(caught.value)


def test_a_stalled_answer_times_out(scripted, clock) -> None:
    import threading

    finish = threading.Event()
    scripted.script = lambda asked, n: scripted.reply(until=finish)
    site = Site(scripted.url, token=SECRET, timeout=0.2, clock=clock)
    with pytest.raises(UnavailableError, match=r"Timeout.*the site is slow"):
        service().call(site.send, Request("GET", "/x"))
    finish.set()


def test_a_password_is_a_secret_too(scripted) -> None:
    scripted.script = lambda asked, n: scripted.reply(401)
    site = Site(scripted.url, user="ann", password=SECRET)
    with pytest.raises(AuthError):
        service().call(site.send, Request("GET", "/x"))
    assert SECRET not in repr(site) + repr(vars(site))
