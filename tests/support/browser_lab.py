"""A real JupyterLab and a real chromium, private and on loopback only; for tests and benchmarks."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from support.ports import free_port

import schedkit

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ROOT = Path(__file__).parents[2]
PRIVATE = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)


class NoChromiumError(RuntimeError):
    """This machine has no chromium."""


@contextmanager
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise NoChromiumError("no chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


class Lab:
    """One JupyterLab server; `open` gives a page with a notebook whose cells run on demand."""

    def __init__(self, url: str, root: Path, browser: Browser) -> None:
        self.url = url
        self.root = root
        self.browser = browser

    def open(self, name: str, cells: list[str], **page: Any) -> Notebook:
        """Write a notebook of `cells` and open it with a fresh kernel."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.root / f"{name}.ipynb")
        return self.reopen(name, **page)

    def reopen(self, name: str, **options: Any) -> Notebook:
        """Open the notebook again, in a page of its own."""
        page = self.browser.new_page(**{"viewport": {"width": 1280, "height": 1000}, **options})
        page.goto(f"{self.url}/lab/tree/{name}.ipynb?reset")
        notebook = Notebook(page)
        notebook.ready()
        return notebook


class Notebook:
    """A notebook open in the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def ready(self) -> None:
        self.page.wait_for_function(
            "window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=90_000
        )
        self.wait_idle(90_000)

    def wait_idle(self, timeout: float = 60_000) -> None:
        self.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=timeout,
        )

    def run(self, cell: int, *, wait: bool = True, timeout: float = 60_000) -> None:
        """Run a cell; `wait` for its end."""
        self.page.set_default_timeout(timeout)
        self.page.evaluate(
            """async ([cell, wait]) => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = cell;
              const ended = window.jupyterapp.commands.execute('notebook:run-cell');
              if (wait) await ended;
            }""",
            [cell, wait],
        )
        self.page.set_default_timeout(30_000)

    def output(self, cell: int) -> str:
        """Return the text below a cell."""
        return (
            self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea").inner_text()
        )

    def prompt(self, cell: int) -> Locator:
        """Return the ``[*]:`` or ``[3]:`` beside a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-InputPrompt")

    def runs(self, cell: int) -> bool:
        """Tell whether a cell runs now."""
        return "*" in self.prompt(cell).inner_text()

    def save(self) -> None:
        self.page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")

    def restart(self) -> None:
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")

    def interrupt(self) -> None:
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")

    def theme(self, name: str) -> None:
        """Switch the theme, "light" or "dark"."""
        theme = f"JupyterLab {name.title()}"
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light", arg=str(name == "light").lower()
        )

    def close(self) -> None:
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()


@contextmanager
def jupyter_lab(browser: Browser, home: Path) -> Iterator[Lab]:
    """Run JupyterLab with everything private below `home`."""
    root = home / "notebooks"
    root.mkdir()
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "HOME": str(home)}
    environment |= {name: str(home / name.lower()) for name in PRIVATE}
    labconfig = home / "jupyter_config_dir" / "labconfig"
    labconfig.mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (labconfig / "page_config.json").write_text(json.dumps(quiet))
    install_sidebar(home)
    port = free_port()
    command = (
        f"-m jupyterlab --no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 "
        "--IdentityProvider.token= --ServerApp.password= --allow-root --expose-app-in-browser "
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    ).split()
    log = (home / "server.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, *command, f"--ServerApp.root_dir={root}"], env=environment, stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{url}/api/status"), 60, "JupyterLab does not answer", server)
        yield Lab(url, root, browser)
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(60)
        log.close()


def install_sidebar(home: Path) -> None:
    """Put the sidebar where the wheel puts it, in the folders of this user alone."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    places = {"share/jupyter": home / "jupyter_data_dir", "etc/jupyter": home / "jupyter_config_dir"}
    for source, target in shared.items():
        folder = next(start for start in places if target.startswith(start))
        path = places[folder] / Path(target).relative_to(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, path)
        else:
            shutil.copyfile(ROOT / source, path)


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            json.load(answer)
            return True
    except OSError:
        return False


def until(
    holds: Callable[[], bool], seconds: float, otherwise: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            raise AssertionError(otherwise)
        time.sleep(0.1)


class View:
    """The view in a plain page: what a web page would do, without a notebook."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(f"{url}/format.js")
        page.set_content(
            f'<!doctype html><html lang="en"><head><title>board</title><link rel="icon" href="data:,">'
            f'<link rel="stylesheet" href="{url}/board.css"></head>'
            '<body style="margin:16px"><div id="board"></div></body></html>'
        )

    def mount(self, snapshot: dict[str, Any], **options: Any) -> None:
        self.page.evaluate(
            """async ([url, snapshot, options]) => {
              const { createStore } = await import(`${url}/store.js`);
              const { mount } = await import(`${url}/board.js`);
              window.store = createStore();
              window.store.apply(snapshot);
              window.sent = [];
              window.answer = async () => ({ ok: true });
              const send = (command) => { window.sent.push(command); return window.answer(command); };
              const place = document.getElementById("board");
              window.unmount = mount(place, { store: window.store, send, ...options });
            }""",
            [self.url, snapshot, options],
        )

    def answer_history(self, seen: Callable[..., dict[str, Any]]) -> None:
        """Have windows of history answered by ``seen(hours, **choice)``, as the scheduler's door does."""

        def answer(command: dict[str, Any]) -> dict[str, Any]:
            choice = {name: command[name] for name in ("task", "state", "first")}
            return {"ok": True, "data": seen(command["hours"], **choice)}

        self.page.expose_function("seenHistory", answer)
        self.page.evaluate(
            """() => {
              window.answer = async (command) =>
                command.do === "history" ? window.seenHistory(command) : { ok: true };
            }"""
        )

    def apply(self, message: dict[str, Any]) -> bool:
        """Give the view a message; returns whether it could follow."""
        followed: bool = self.page.evaluate(
            """async (message) => {
              const followed = window.store.apply(message);
              await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
              return followed;
            }""",
            message,
        )
        return followed

    @property
    def sent(self) -> list[dict[str, Any]]:
        commands: list[dict[str, Any]] = self.page.evaluate("window.sent")
        return commands


@contextmanager
def web_files() -> Iterator[str]:
    """Serve the view's files as a web page would load them."""
    folder = Path(schedkit.__file__).parent / "web"

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(60)
