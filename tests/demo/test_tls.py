"""HTTPS with a certificate of one's own, and with certificates asked of clients."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from schedkit.demo import DemoSite, Tls
from schedkit.errors import UsageError


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pem(authority: trustme.CA, folder: Path, name: str) -> tuple[str, str]:
    made = authority.issue_cert(name)
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    made.cert_chain_pems[0].write_to_path(cert)
    made.private_key_pem.write_to_path(key)
    return str(cert), str(key)


def test_https_is_trusted_by_who_knows_the_authority(authority: trustme.CA, tmp_path: Path) -> None:
    with DemoSite(issues=5, tls=Tls(*pem(authority, tmp_path, "127.0.0.1"))) as site:
        assert site.jira_dc.url.startswith("https://127.0.0.1:")
        url = f"{site.jira_dc.url}/rest/api/2/serverInfo"
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        assert httpx.get(url, verify=trusting, timeout=60).json()["baseUrl"] == site.jira_dc.url
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url, timeout=60)
        site.faults = "kinds=reset"
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=trusting, timeout=60)


def test_clients_may_be_asked_for_a_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    with DemoSite(issues=5, tls=Tls(*pem(authority, tmp_path, "127.0.0.1"), str(ca))) as site:
        url = f"{site.jira_dc.url}/rest/api/2/serverInfo"
        stranger = ssl.create_default_context(cafile=str(ca))
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=stranger, timeout=60)
        known = ssl.create_default_context(cafile=str(ca))
        known.load_cert_chain(*pem(authority, tmp_path, "client.example"))
        assert httpx.get(url, verify=known, timeout=60).status_code == 200


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.pem cannot be used: No such file.*PEM files"):
        DemoSite(issues=5, tls=Tls(str(tmp_path / "nothing.pem"), "nothing.key")).start()


def test_a_site_serves_as_its_own_proxy(demo_site: DemoSite) -> None:
    with httpx.Client(proxy=demo_site.url, timeout=60) as http:
        assert http.get(f"{demo_site.jira_dc.url}/rest/api/2/serverInfo").status_code == 200
