"""What the settings say happens beside the runs: notices to a chat, and a standing page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from schedkit.app import STANDING_PAGE, App, app
from schedkit.commands.demo import demo_settings
from schedkit.demo import DemoSite
from schedkit.errors import RunFailedError, SettingsError
from schedkit.settings import ChannelSettings, NotifySettings, StandingPageSettings


class Chat:
    """A real webhook receiver on a free port."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.rang = threading.Event()
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                chat.heard.append(json.loads(body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")
                chat.rang.set()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    yield made
    made.server.shutdown()
    made.server.server_close()


def broken() -> None:
    raise ValueError("the bad news")


def test_the_owner_tells_a_chat_of_a_failed_run(
    project: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_CHAT_URL", chat.url)
    settings = app().settings.model_copy(
        update={"notify": NotifySettings(channels=(ChannelSettings(env="TEAM_CHAT_URL", every=0),))}
    )
    with App(settings, project).scheduler() as scheduler:
        scheduler.task(name="broken")(broken)
        with pytest.raises(RunFailedError):
            scheduler.submit("broken").result(timeout=30)
        assert chat.rang.wait(30)
    assert "the bad news" in json.dumps(chat.heard[0])
    assert "broken" in json.dumps(chat.heard[0])


def test_a_channel_without_its_variable_is_refused_at_once(project: Path) -> None:
    settings = app().settings.model_copy(
        update={"notify": NotifySettings(channels=(ChannelSettings(env="ABSENT_CHAT_URL"),))}
    )
    with pytest.raises(SettingsError, match="ABSENT_CHAT_URL"):
        App(settings, project).scheduler()


def test_a_standing_page_shows_the_latest_run_and_is_written_only_for_news(project: Path) -> None:
    with DemoSite(issues=50) as site:
        page = StandingPageSettings(site="demo-wiki", page="100001", every="1h")
        settings = demo_settings(site).model_copy(update={"standing_page": page})
        with App(settings, project).scheduler() as scheduler:
            scheduler.task(name="hello")(lambda_free)
            scheduler.submit("hello").result(timeout=30)
            assert scheduler.submit(STANDING_PAGE).result(timeout=30) is True
            assert ">hello<" in site.wiki.pages["100001"].body
            assert scheduler.submit(STANDING_PAGE).result(timeout=30) is False


def lambda_free() -> int:
    return 3
