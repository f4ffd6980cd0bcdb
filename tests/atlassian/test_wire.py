"""The wire itself: proxies, a company's own CA, client certificates, gzip."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.tls_server import accepting

from schedkit.atlassian import Request, Site
from schedkit.errors import BadAnswerError, UnavailableError
from schedkit.loop import service


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority: trustme.CA) -> Iterator[str]:
    """A site over TLS that lets in only holders of a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"secure": true}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a refused handshake is what is tested

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    made = authority.issue_cert("ann@example.org")
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(paths["ca"])
    for blob in made.cert_chain_pems:
        blob.write_to_path(paths["cert"], append=True)
    made.private_key_pem.write_to_path(paths["key"])
    return {name: str(path) for name, path in paths.items()}


def get(site: Site) -> Any:
    return service().call(site.send, Request("GET", "/rest/x")).json()


def test_own_ca_and_client_certificate(secure: str, files: dict[str, str]) -> None:
    site = Site(secure, verify=files["ca"], cert=(files["cert"], files["key"]))
    assert get(site) == {"secure": True}


def test_an_unknown_ca_is_refused_with_what_to_do(secure: str, files: dict[str, str]) -> None:
    with pytest.raises(UnavailableError, match=r"give the company's CA file: verify="):
        get(Site(secure, cert=(files["cert"], files["key"])))


def test_without_the_client_certificate(secure: str, files: dict[str, str]) -> None:
    with pytest.raises(UnavailableError, match="got no answer"):
        get(Site(secure, verify=files["ca"]))


def test_an_expired_certificate_is_the_sites_to_renew(authority: trustme.CA, files: dict[str, str]) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = authority.issue_cert("127.0.0.1", not_after=yesterday)
    with accepting(expired) as port, pytest.raises(UnavailableError) as caught:
        get(Site(f"https://127.0.0.1:{port}", verify=files["ca"]))
    assert caught.value.message.endswith("got no answer: the site's certificate has expired")
    assert "renew" in caught.value.hint
    assert "verify=" not in caught.value.hint


def test_through_a_proxy(scripted) -> None:
    site = Site("http://jira.internal.example", token="tok-123456", proxies={"http": scripted.url})
    assert get(site) == {"ok": True}
    assert scripted.asked[0].path == "http://jira.internal.example/rest/x"


def test_compressed_answers(scripted) -> None:
    body = gzip.compress(b'{"small": "%s"}' % (b"x" * 5000))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    scripted.script = lambda asked, n: scripted.reply(200, body, headers)
    assert len(get(Site(scripted.url))["small"]) == 5000
    assert "gzip" in scripted.asked[0].headers["Accept-Encoding"]
    broken = scripted.reply(200, b"\x1f\x8b" + b"no gzip at all", headers)
    scripted.script = lambda asked, n: broken
    with pytest.raises(BadAnswerError, match="cannot be unpacked: its compressed data is damaged"):
        get(Site(scripted.url, retries=0))
