"""Sites as they are: gateways, internal addresses, tokens of few scopes, odd names of fields."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.errors import AuthError, ForbiddenError, UnknownFieldError, UsageError
from schedkit.jira import Jira
from tests.jira.conftest import client

SCOPE = {"code": 401, "message": "Unauthorized; scope does not match"}


@pytest.fixture
def site():
    with DemoSite(issues=60) as made:
        yield made


def gateway(site: DemoSite) -> Jira:
    endpoint = site.jira_gateway
    return Jira(endpoint.url, user=endpoint.user, token=endpoint.token, retries=0)


def test_links_are_of_the_site_not_of_the_gateway(site: DemoSite, tmp_path: Path) -> None:
    jira = gateway(site)
    df = jira.search("project = DEMO ORDER BY key", limit=3)
    assert df.attrs["site"] == site.url
    assert jira.sprints(1).attrs["site"] == site.url
    assert jira.changelog(df).attrs["site"] == site.url
    assert jira.sync("project = DEMO", tmp_path / "x.parquet").attrs["site"] == site.url
    path = excel.write(df, tmp_path / "x.xlsx").path
    from openpyxl import load_workbook

    sheet = load_workbook(path).active
    targets = {c.hyperlink.target for row in sheet.iter_rows() for c in row if c.hyperlink} | {
        str(c.value) for row in sheet.iter_rows() for c in row if "browse" in str(c.value)
    }
    assert targets
    assert all("/ex/jira/" not in str(target) for target in targets)
    assert any(f"{site.url}/browse/DEMO-1" in str(target) for target in targets)


def test_links_from_the_browser_are_understood_by_a_gateways_client(site: DemoSite) -> None:
    jira = gateway(site)
    assert list(jira.link(f"{site.url}/browse/DEMO-1")["Key"]) == ["DEMO-1"]
    assert list(jira.link(f"{site.jira_gateway.url}/browse/DEMO-2")["Key"]) == ["DEMO-2"]
    with pytest.raises(UsageError, match=r"the link is to evil.example.org"):
        jira.link("https://evil.example.org/browse/DEMO-1")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("https://acme.example.net", "https://acme.example.net"),
        ("https://acme.example.net/jira/", "https://acme.example.net/jira"),
        ("", None),
        (None, None),
        ("javascript:alert(1)", None),
        ("https://user:secret@acme.example.net", None),
        ("http://[broken", None),
    ],
)
def test_the_address_that_the_site_tells(
    site: DemoSite, dialect: str, told: object, expected: str | None
) -> None:
    jira = client(site, dialect)

    def internal(request: Request) -> JSONResponse | None:
        if request.url.path.endswith("/serverInfo"):
            kind = "Cloud" if dialect == "cloud" else "Server"
            return JSONResponse({"baseUrl": told, "deploymentType": kind})
        return None

    site.before(internal)
    df = jira.search("project = DEMO", limit=1)
    assert df.attrs["site"] == (expected or jira.site.url)
    key = df["Key"][0]
    assert list(jira.link(f"{expected or jira.site.url}/browse/{key}")["Key"]) == [key]
    assert list(jira.link(f"{jira.site.url}/browse/{key}")["Key"]) == [key]


def scoped(site: DemoSite, *paths: str) -> None:
    def deny(request: Request) -> JSONResponse | None:
        denied = any(request.url.path.endswith(path) for path in paths)
        return JSONResponse(SCOPE, 401) if denied else None

    site.before(deny)


def test_a_token_without_one_scope_works_as_far_as_its_scopes_go(site: DemoSite) -> None:
    scoped(site, "/myself", "/priority", "/issuetype")
    jira = gateway(site)
    df = jira.search("project = DEMO")
    assert len(df) > 0
    assert not df["Priority"].cat.ordered
    with pytest.raises(AuthError, match=r"scope does not match.*give the token the scope"):
        jira.myself()


def test_a_missing_scope_is_told_in_the_sites_words(site: DemoSite) -> None:
    scoped(site, "/search/jql")
    with pytest.raises(AuthError, match="scope does not match"):
        gateway(site).search("project = DEMO")


def test_a_wrong_token_is_still_a_refused_login(site: DemoSite, dialect: str) -> None:
    endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
    with pytest.raises(AuthError, match="login was refused"):
        Jira(endpoint.url, user=endpoint.user, token="wrong-token-123").search("project = DEMO")


def test_no_request_looks_like_a_browsers(site: DemoSite, dialect: str) -> None:
    seen: list[tuple[str, str | None]] = []

    def check(request: Request) -> JSONResponse | None:
        token = request.headers.get("x-atlassian-token")
        seen.append((request.method, token))
        if request.method != "GET" and token != "no-check":
            return JSONResponse("XSRF check failed", 403)
        return None

    site.before(check)
    jira = client(site, dialect)
    df = jira.search("project = DEMO", limit=1)
    assert list(jira.edit(df.assign(Summary="Mine")).apply()["Outcome"]) == ["done"]
    assert {token for method, token in seen if method != "GET"} == {"no-check"}


def test_an_xsrf_refusal_is_explained(site: DemoSite, dialect: str) -> None:
    jira = client(site, dialect)
    jira.fields()
    site.before(lambda request: JSONResponse("XSRF check failed", 403) if request.method == "POST" else None)
    with pytest.raises(ForbiddenError, match=r"XSRF check failed.*leave out cookies"):
        jira.search("project = DEMO")


def odd_fields(request: Request) -> JSONResponse | None:
    if not request.url.path.endswith("/field"):
        return None
    schema = {"type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield"}
    names = ["QA  Reviewed\xa0by ", "Ziel\u200bdatum", "Twice", "twice "]
    rows = [{"id": f"customfield_{n}", "name": name, "schema": schema} for n, name in enumerate(names, 90001)]
    return JSONResponse([{"id": "summary", "name": "Summary", "schema": {"type": "string"}}, *rows])


def test_fields_with_odd_names_can_be_asked_for(site: DemoSite, dialect: str) -> None:
    site.before(odd_fields)
    jira = client(site, dialect)
    for name in ("QA Reviewed by", " qa reviewed  BY", "QA  Reviewed\xa0by "):
        assert len(list(jira.search("project = DEMO", fields=[name], limit=1))) == 2
    assert len(list(jira.search("project = DEMO", fields=["Zieldatum"], limit=1))) == 2
    both = list(jira.search("project = DEMO", fields=["twice"], limit=1))
    assert both == ["Key", "Twice (customfield_90003)", "twice  (customfield_90004)"]
    one = list(jira.search("project = DEMO", fields=["Twice (customfield_90003)"], limit=1))
    assert one == ["Key", "Twice (customfield_90003)"]
    with pytest.raises(UnknownFieldError, match="did you mean"):
        jira.search("project = DEMO", fields=["QA Reviewd by"])
