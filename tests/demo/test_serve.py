"""The site as a process, and as a thread of this one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest
from support.demo_clients import datacenter
from support.ports import free_port

from schedkit.demo import DemoSite, serve
from schedkit.errors import UnavailableError, UsageError

SCRIPT = "import sys; from schedkit.demo import serve; sys.exit(serve(issues=25, port={port}, latency='1ms'))"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_says_where_it_is_and_ends_on_a_signal(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT.format(port=0)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert {name: sorted(at) for name, at in ready.items()} == {
            "jira_cloud": ["token", "url", "user"],
            "jira_dc": ["token", "url"],
            "confluence_cloud": ["token", "url", "user"],
            "confluence_dc": ["token", "url"],
        }
        headers = {"Authorization": f"Bearer {ready['jira_dc']['token']}"}
        answer = httpx.get(f"{ready['jira_dc']['url']}/rest/api/2/search", headers=headers, timeout=60)
        assert answer.json()["total"] == 25
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stdout.read() == b""


def test_serving_gives_back_the_signals(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    listening = DemoSite.listen

    def listen_and_end(site: DemoSite) -> None:
        listening(site)
        threading.Timer(0.0, end, [site]).start()

    def end(site: DemoSite) -> None:
        with datacenter(site) as http:
            http.get("/rest/api/2/myself")
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(DemoSite, "listen", listen_and_end)
    assert serve(issues=5) == 0
    assert json.loads(capsys.readouterr().out)["jira_cloud"]["user"] == "demo@example.com"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{port}.*choose another --port"):
            serve(port=port)


@pytest.mark.parametrize("knob", [{"latency": "soon"}, {"faults": "speed=1"}, {"page_cap": 0}])
def test_a_bad_knob_is_told_and_frees_the_port(knob: dict[str, Any]) -> None:
    port = free_port()
    with pytest.raises(UsageError, match="not"):
        serve(port=port, issues=5, **knob)
    with DemoSite(issues=5, port=port) as site:
        assert site.port == port


@pytest.mark.parametrize(
    ("knob", "told"),
    [
        ({"port": 70_000}, "port 70000 is not possible.*choose 0 to 65535"),
        ({"issues": -1}, "issues -1 is not possible"),
        ({"issue_kb": 0}, "issue_kb 0 is not possible.*choose 1 to 1000"),
        ({"rate_limit": -1}, "rate_limit -1 is not possible"),
        ({"zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'.*write one like Europe/Berlin"),
    ],
)
def test_an_impossible_knob_is_told(knob: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        DemoSite(**knob)


def test_a_site_may_be_empty() -> None:
    with DemoSite(issues=0) as site, datacenter(site) as http:
        assert http.get("/rest/api/2/search").json()["total"] == 0
        assert "Open bugs" in httpx.get(f"{site.url}/wiki/pages/100001", timeout=60).text
        assert site.store.create(summary="the first").key == "DEMO-1"


def test_a_site_may_be_started_and_stopped_by_hand() -> None:
    site = DemoSite(issues=5).start()
    url = site.jira_dc.url
    assert httpx.get(f"{url}/rest/api/2/serverInfo", timeout=60).status_code == 200
    site.stop()
    site.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/rest/api/2/serverInfo", timeout=60)


def test_a_site_ends_at_once_even_while_an_answer_stalls(capfd: pytest.CaptureFixture[str]) -> None:
    for faults in ("", "kinds=stall,stall=60s"):
        site = DemoSite(issues=5, faults=faults).start()
        with datacenter(site) as http:
            started = threading.Event()
            site.after(lambda _, started=started: started.set())
            failed: list[Exception] = []

            def ask(http: httpx.Client = http, failed: list[Exception] = failed) -> None:
                try:
                    http.get("/rest/api/2/myself", timeout=30)
                except httpx.TransportError as error:
                    failed.append(error)

            asking = threading.Thread(target=ask)
            asking.start()
            assert started.wait(60)
            site.stop()
            asking.join(60)
            assert not asking.is_alive(), "an answer that stalls for a minute held the end of the site up"
            assert len(failed) == bool(faults)
    assert capfd.readouterr().err == ""


def test_no_token_shows_in_a_repr(demo_site: DemoSite) -> None:
    at = demo_site.jira_cloud
    assert at.token not in repr(at)
    assert at.token not in repr(demo_site.cloud_door)
