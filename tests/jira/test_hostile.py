"""Answers that are none, and people in between: one clear line each, and never an empty result."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from schedkit.demo import DemoSite
from schedkit.errors import AuthError, BadAnswerError, RateLimitedError, SchedkitError, SiteError
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"
SSO = "https://sso.example.org/adfs/login?SAMLRequest=fVHLTs"
ANSWERS: dict[str, tuple[Callable[[], Response], type[SchedkitError], str]] = {
    "nothing": (lambda: Response(b""), BadAnswerError, "answered 0 bytes that are not valid JSON"),
    "no content": (lambda: Response(status_code=204), BadAnswerError, "answered 0 bytes"),
    "no issues": (lambda: JSONResponse({}), BadAnswerError, "required field `issues`"),
    "null": (lambda: JSONResponse(None), BadAnswerError, "got `null`"),
    "a list": (lambda: JSONResponse([]), BadAnswerError, "got `array`"),
    "text": (lambda: Response("OK"), BadAnswerError, "not valid JSON"),
    "xml": (lambda: Response("<a/>", media_type="text/xml"), BadAnswerError, "a web page instead of data"),
    "login": (
        lambda: RedirectResponse(SSO, 302),
        AuthError,
        "redirected to a login page, https://sso.example",
    ),
    "elsewhere": (
        lambda: RedirectResponse("https://new.example.org/x", 301),
        BadAnswerError,
        "use the address",
    ),
    "proxy": (lambda: HTMLResponse("<title>Denied</title>", 407), SiteError, "a proxy that asks .*proxies="),
    "captcha": (
        lambda: Response(status_code=403, headers={"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}),
        SiteError,
        "CAPTCHA .*in the browser",
    ),
    "for a day": (
        lambda: Response(status_code=429, headers={"Retry-After": "86400"}),
        RateLimitedError,
        "asks to wait 1d: try again then",
    ),
}


def midway(site: DemoSite, answer: Callable[[], Response], skip: int = 1) -> None:
    seen = iter(range(10**6))

    def hook(request: Request) -> Response | None:
        return answer() if "/search" in request.url.path and next(seen) >= skip else None

    site.before(hook)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_no_answer(dialect: str, name: str, caplog: pytest.LogCaptureFixture, capfd) -> None:
    answer, kind, words = ANSWERS[name]
    with DemoSite(issues=120, page_cap=20) as site:
        jira = client(site, dialect, retries=1)
        jira.fields()
        midway(site, answer)
        with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=words) as caught:
            jira.search(ALL)
        endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
        printed = caplog.text + "".join(capfd.readouterr()) + repr(caught.value) + str(caught.value)
        assert endpoint.token not in printed
        assert "SAMLRequest" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_answer_without_a_total() -> None:
    with DemoSite(issues=60) as site:
        jira = client(site, "dc", retries=1)
        jira.fields()
        midway(site, lambda: JSONResponse({"issues": [], "startAt": 0}), skip=0)
        with pytest.raises(BadAnswerError, match="does not report how many issues a search finds"):
            jira.search(ALL)


def test_a_page_that_is_not_the_last_and_names_none() -> None:
    with DemoSite(issues=60) as site:
        jira = client(site, "cloud", retries=1)
        jira.fields()
        midway(site, lambda: JSONResponse({"issues": [], "isLast": False}), skip=0)
        with pytest.raises(BadAnswerError, match="page 1 is not the last, but has no token for the next one"):
            jira.search(ALL)


def test_cancelled_midway_nothing_is_left(
    dialect: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, temporary = tmp_path / "x.parquet", tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))  # the machine's has files of other processes
    with DemoSite(issues=120, page_cap=10) as site:
        jira = client(site, dialect)
        jira.to_parquet(ALL, path)
        before = path.read_bytes()
        spools = set(temporary.iterdir())

        async def cancelled() -> None:
            asked = asyncio.Event()
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(jira.aio.to_parquet(ALL, path))
            seen = iter(range(10**6))
            undo = site.before(lambda r: loop.call_soon_threadsafe(asked.set) if next(seen) == 5 else None)
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            undo()

        asyncio.run(cancelled())
        assert len(jira.search(ALL)) == 120, "the client is as good as before"
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
        assert set(temporary.iterdir()) <= spools
        assert not [t.name for t in threading.enumerate() if t.name.startswith("schedkit-spool")]


def test_one_client_serves_threads_and_tasks_at_once(dialect: str) -> None:
    with DemoSite(issues=120, page_cap=10) as site:
        jira = client(site, dialect)
        frames: list[pd.DataFrame] = []

        async def tasks() -> None:
            frames.extend(await asyncio.gather(*(jira.aio.search(ALL) for _ in range(3))))

        threads = [threading.Thread(target=lambda: frames.append(jira.search(ALL))) for _ in range(3)]
        threads.append(threading.Thread(target=lambda: asyncio.run(tasks())))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(frames) == 6
        for frame in frames[1:]:
            pd.testing.assert_frame_equal(frame, frames[0])


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_zones_of_half_hours(dialect: str, zone: str) -> None:
    with DemoSite(issues=60, zone=zone) as site:
        df = client(site, dialect).search(ALL)
        held = {key: int(at.timestamp() * 1000) for key, at in zip(df["Key"], df["Created"], strict=True)}
        assert held == {i.key: i.created for i in site.store.visible()}


@pytest.mark.parametrize("hours", [-7, 9])
def test_a_site_whose_clock_is_hours_off(dialect: str, hours: int, tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    with DemoSite(issues=120, page_cap=15, now=datetime.now(UTC) + timedelta(hours=hours)) as site:
        jira = client(site, dialect)
        jira.fields()
        seen = iter(range(10**6))

        def edit(request: Request) -> None:
            if "/search" in request.url.path and next(seen) == 3:
                site.store.edit("DEMO-1", summary="Edited meanwhile")

        site.before(edit)
        df = jira.search(ALL)
        assert df.set_index("Key")["Summary"]["DEMO-1"] == "Edited meanwhile"
        assert df.attrs["extraction"]["exact"]
        path = tmp_path / "x.parquet"
        jira.sync(ALL, into=path)
        site.store.edit("DEMO-2", summary="Edited later")
        assert jira.sync(ALL, into=path).attrs["sync"]["changed"] == ["DEMO-2"]
