"""Extraction against `jira` (pycontribs) and atlassian-python-api, on the demo site in its own process.

`SCHEDKIT_BENCH_ISSUES` makes it smaller, `SCHEDKIT_BENCH_PARTS` runs only some of "dc default", "dc all",
"cloud default", "cloud all", "unset", "decoding", "linear" and "streaming" (with commas between). Every side
runs in a process of its own, with what it imports, looks up the site's fields and asks for the same ones; the
frames are compared value by value.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bench.common import Row, cpu_seconds, median
from bench.jira_sides import CONCURRENCY, JQL

ISSUES = int(os.environ.get("SCHEDKIT_BENCH_ISSUES", "20000"))
TARGETS = {
    "dc": {"pycontribs": 15.0, "atlassian_default": 20.0},
    "cloud": {"pycontribs": 10.0, "atlassian_default": 10.0},
}
TUNED = 1.5
FLOOR = 1.5


@contextmanager
def site(issues: int, latency: str = "0ms", kb: float | None = 7.5) -> Iterator[Path]:
    """A demo site in its own process; yields the file that tells where."""
    code = (
        f"from schedkit.demo.serve import serve; serve(issues={issues}, issue_kb={kb}, latency={latency!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        try:
            ready = Path(folder) / "site.json"
            ready.write_text(process.stdout.readline())
            yield ready
        finally:
            process.terminate()
            process.wait(10)


def run(side: str, dialect: str, fields: str, ready: Path) -> dict[str, Any]:
    """Run one side; its facts, and its table under ``table``."""
    out = ready.with_name("table.pickle")
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.jira_sides", side, dialect, fields, str(ready), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} {dialect} {fields}: {done.stderr[-2000:]}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if out.exists():
        facts["table"] = pd.read_pickle(out)
    return facts


def rows() -> Iterator[Row]:
    wanted = [part.strip() for part in os.environ.get("SCHEDKIT_BENCH_PARTS", "").split(",") if part.strip()]
    for dialect in ("dc", "cloud"):
        for fields in ("default", "all"):
            if not wanted or f"{dialect} {fields}" in wanted:
                yield from against_peers(dialect, fields)
    for part in (unset, decoding, linear, streaming):
        if not wanted or part.__name__ in wanted:
            yield from part()


def against_peers(dialect: str, fields: str) -> Iterator[Row]:
    with site(ISSUES, "150ms") as ready:
        run("ours", dialect, fields, ready)  # the site encodes each issue once: not what is measured
        mine = sorted((run("ours", dialect, fields, ready) for _ in range(3)), key=lambda f: f["seconds"])[1]
        name = f"{dialect} {fields} columns, {ISSUES} issues, x{CONCURRENCY}"
        floor = median(run("floor", dialect, fields, ready)["seconds"] for _ in range(3))
        ratio = mine["seconds"] / floor
        yield Row(f"{name}: over the floor", mine["seconds"], floor, "bare client", "s", ratio, FLOOR, "<=")
        for peer in ("pycontribs", "atlassian_default", "pycontribs_tuned", "atlassian_tuned"):
            theirs = run(peer, dialect, fields, ready)
            pd.testing.assert_frame_equal(mine["table"], theirs["table"])
            target = TUNED if peer.endswith("tuned") else TARGETS[dialect][peer]
            ratio = theirs["seconds"] / mine["seconds"]
            yield Row(name, mine["seconds"], theirs["seconds"], peer, "s", ratio, target)
            if peer == "pycontribs":
                yield from memory(name, mine, theirs)


def unset() -> Iterator[Row]:
    """What an analyst gets who sets no option, with 8,000 issues, against the peer as people write it."""
    issues = ISSUES * 2 // 5
    for dialect in ("dc", "cloud"):
        with site(issues, "150ms") as ready:
            run("ours_default", dialect, "default", ready)  # the site encodes each issue once
            mine = median(run("ours_default", dialect, "default", ready)["seconds"] for _ in range(3))
            theirs = run("pycontribs", dialect, "default", ready)["seconds"]
        name = f"{dialect} default columns, {issues} issues, no option set"
        yield Row(name, mine, theirs, "pycontribs", "s", theirs / mine, TARGETS[dialect]["pycontribs"])


def memory(name: str, mine: dict[str, Any], theirs: dict[str, Any]) -> Iterator[Row]:
    """The peak of the whole processes, and what each takes above its imports.

    Both import pandas. Where that alone comes near a third of the peer's peak, no extraction can meet the
    first row's target, however little it takes: the row says so by its figures. The second row leaves the
    imports out.
    """
    third = theirs["peak_mb"] / 3
    whole = f"{name}: peak memory (our imports: {mine['imports_mb']:.0f}, a third of theirs: {third:.0f})"
    ratio = theirs["peak_mb"] / mine["peak_mb"]
    yield Row(whole, mine["peak_mb"], theirs["peak_mb"], "pycontribs", "MB", ratio, 3.0)
    above, their_above = (side["peak_mb"] - side["imports_mb"] for side in (mine, theirs))
    above_name = f"{name}: memory above what the imports take"
    yield Row(above_name, above, their_above, "pycontribs", "MB", their_above / above, 3.0)


def decoding() -> Iterator[Row]:
    """JSON bytes to a DataFrame: 100,000 issues in pages of 1000."""
    import asyncio
    import gc

    import msgspec
    import orjson

    from bench.jira_sides import Names, rows_of
    from schedkit.demo import DemoSite
    from schedkit.jira import Jira
    from schedkit.jira.table.columns import layout
    from schedkit.jira.table.frame import assemble
    from schedkit.jira.table.reader import Reader

    with DemoSite(issues=2000, issue_kb=7.5) as demo:
        jira = Jira(demo.jira_dc.url, token=demo.jira_dc.token)
        source = asyncio.run(jira.aio.session())
        names = Names([{"name": f.name, "id": f.id} for f in source.catalog.fields.values()])
        chosen = layout(source.catalog, source.dialect)
        import requests

        pages = [
            requests.post(
                f"{demo.jira_dc.url}/rest/api/2/search",
                json={"jql": JQL, "startAt": start, "maxResults": 1000, "fields": chosen.requested},
                headers={"Authorization": f"Bearer {demo.jira_dc.token}"},
                timeout=60,
            ).content
            for start in (0, 1000)
        ]
    times = max(1, ISSUES * 5 // 2000)
    bodies = pages * times
    count = 2000 * times
    megabytes = sum(map(len, bodies)) / 1e6

    def mine() -> None:
        reader = Reader(chosen, source.catalog)
        frame = assemble([reader.page(body).batch for body in bodies], reader.columns)
        assert len(frame) == count

    def normalize() -> None:
        issues = [issue for body in bodies for issue in orjson.loads(body)["issues"]]
        assert len(pd.json_normalize(issues)) == count

    def dicts() -> None:
        gc.disable()
        try:
            issues = [i for body in bodies for i in msgspec.json.decode(body)["issues"]]
            assert len(rows_of(issues, names)) == count
        finally:
            gc.enable()

    mine()
    ours = median(cpu_seconds(mine) for _ in range(3))
    theirs = cpu_seconds(normalize)
    name = f"JSON to a frame, {count} issues, {megabytes:.0f} MB"
    yield Row(name, ours, theirs, "orjson + json_normalize", "CPU s", theirs / ours, 10.0)
    theirs = cpu_seconds(dicts)
    yield Row(name, ours, theirs, "list of dicts, collector paused", "CPU s", theirs / ours, 2.0)


def linear() -> Iterator[Row]:
    for dialect in ("dc", "cloud"):
        spent = []
        for issues in (ISSUES, ISSUES * 10):
            with site(issues, kb=None) as ready:
                run("ours", dialect, "default", ready)
                spent.append(min(run("ours", dialect, "default", ready)["seconds"] for _ in range(2)))
        name = f"{dialect}: {ISSUES * 10} issues against {ISSUES}"
        yield Row(name, spent[1], spent[0], f"{ISSUES} issues", "s", spent[1] / spent[0], 11.0, "<=")


def streaming() -> Iterator[Row]:
    issues = ISSUES * 25
    with site(issues, kb=None) as ready:
        began = time.perf_counter()
        facts = run("stream", "dc", "default", ready)
        assert facts["rows"] == issues
        peak = facts["peak_mb"]
        name = f"{issues} issues streamed to Parquet in {time.perf_counter() - began:.0f} s"
        yield Row(name, peak, 400.0, "limit", "MB", peak / 400, 1.0, "<=")
