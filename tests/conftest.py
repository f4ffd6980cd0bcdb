"""What every test shares: where outside material lies, and that in CI nothing is skipped."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from support import coverage_probes
from support.workbook_checks import judge_what_is_written

if TYPE_CHECKING:
    from schedkit.demo import DemoSite

ROOT = Path(__file__).parents[1]
COVERAGE = coverage_probes.begin() if os.environ.get("SCHEDKIT_COVERAGE") else None

# Generated cases are the same at every run, and a slow machine fails none; `make thorough` draws anew.
settings.register_profile(
    "schedkit",
    deadline=None,
    derandomize=not os.environ.get("SCHEDKIT_THOROUGH"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("schedkit")

# Seconds that the setup, the call and the teardown of a test may take each: one that waits for what never
# comes fails, instead of holding up all others. Beside other work it may take as much longer as the machine
# has more to do than cores: with 12 processes on two cores, tests of 5 s took 90.
LIMIT = 90.0
# These take as long as they are asked to, as all tests do that are run thoroughly.
AT_LENGTH = ("browser", "crash", "thorough")
THOROUGH = bool(os.environ.get("SCHEDKIT_THOROUGH"))

# Collecting makes millions of objects that stay: to look through them again and again took 40 % of its time.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    if COVERAGE is not None:
        config.pluginmanager.register(COVERAGE, "coverage of schedkit")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    gc.enable()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def _limited(item: pytest.Item) -> Iterator[None]:
    if THOROUGH or not hasattr(signal, "setitimer") or any(map(item.get_closest_marker, AT_LENGTH)):
        return (yield)
    begun = time.monotonic()

    def look(signum: int, frame: object) -> None:
        waited = time.monotonic() - begun
        if waited >= LIMIT * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)):
            faulthandler.dump_traceback(2)
            pytest.fail(f"not over after {waited:.0f} s; where each thread stood is in the captured stderr")

    before = signal.signal(signal.SIGALRM, look)
    # Again and again: what catches it, as Hypothesis does to try once more, is told once more.
    signal.setitimer(signal.ITIMER_REAL, LIMIT, LIMIT)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


pytest_runtest_setup = pytest_runtest_call = _limited


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    # After the last test what all have shared goes, e.g. the files of a database server.
    return (yield) if nextitem is None else (yield from _limited(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    # In CI everything a test could lack is installed: a skip there hides a missing install step.
    if os.environ.get("SCHEDKIT_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be absent: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _judged_workbooks() -> None:
    """Judge every workbook that a test writes."""
    judge_what_is_written()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of captured answers, pages and OpenAPI documents."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the captured answers (../shared/data) are absent")
    return folder


@pytest.fixture(scope="session")
def demo_site() -> Iterator[DemoSite]:
    """One site of 300 issues for a whole test session: read it, do not change it.

    A test that writes, plans faults or counts requests starts its own: ``with DemoSite(issues=50) as site``
    takes a tenth of a second.
    """
    # Tests of other rooms need not load a web server.
    from schedkit.demo import DemoSite

    with DemoSite(issues=300) as site:
        yield site
