"""Fixtures: the browser, a JupyterLab, the view in a plain page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.browser_lab import Lab, NoChromiumError, View, chromium, jupyter_lab, web_files


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as browser:
            yield browser
    except NoChromiumError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(browser, tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


@pytest.fixture(scope="session")
def web() -> Iterator[str]:
    """Where the view's files are served as a web page would load them."""
    with web_files() as url:
        yield url


@pytest.fixture
def view(browser: Browser, web: str) -> Iterator[View]:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    view = View(page, web)
    yield view
    assert view.problems == []
    page.close()
