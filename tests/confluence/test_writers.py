"""Many writers of one page: every update lands, and nobody's words are lost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from support.confluence_pages import anchor, table

from schedkit.confluence import Confluence

MakePage = Callable[[str], DemoPage]
WORKER = Path(__file__).parents[1] / "support" / "confluence_writer.py"


def body_of(regions: int) -> str:
    parts = [
        f"<h2>Part {n}</h2>{anchor(f'r{n}')}{table(['Key', 'N', 'Comment'], [['K-1', '0', f'words {n}']])}"
        for n in range(regions)
    ]
    return "<p>begin</p>" + "".join(parts) + "<p>end</p>"


def test_fifty_writers_of_fifty_regions_put_fifty_times(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(body_of(50))

    async def write(n: int) -> int:
        region = wiki.aio.page(page.id).table(f"anchor:r{n}")
        plan = await region.replace(
            pd.DataFrame({"Key": ["K-1"], "N": [f"v{n}"]}), key="Key", keep=["Comment"]
        )
        return (await plan.aio.apply()).conflicts

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(write(n) for n in range(50)))

    assert sum(asyncio.run(all_at_once())) == 0
    assert (page.puts(), page.version) == (50, 51)
    expected = body_of(50)
    for n in range(50):
        expected = expected.replace(f"<td>0</td><td>words {n}</td>", f"<td>v{n}</td><td>words {n}</td>")
    assert page.body == expected


def test_threads_share_the_queue_of_a_page(demo_page_writers: tuple[Confluence, DemoPage]) -> None:
    wiki, page = demo_page_writers
    threads = [
        threading.Thread(
            target=lambda n=n: (
                wiki.page(page.id)
                .table(f"anchor:r{n}")
                .replace(pd.DataFrame({"Key": ["K-1"], "N": [n + 1]}), key="Key")
                .apply()
            )
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert page.puts() == 8


@pytest.fixture
def demo_page_writers(wiki: Confluence, make_page: MakePage) -> tuple[Confluence, DemoPage]:
    return wiki, make_page(body_of(8))


def beside_an_editor(wiki: Confluence, page: DemoPage, processes: int, rounds: int, pause: float) -> int:
    """Let processes write their regions `rounds` times while an editor saves by hand; returns the saves."""
    cloud = wiki.aio.server.site.credentials.user is not None
    place = page.demo.confluence_cloud if cloud else page.demo.confluence_dc
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    for n, worker in enumerate(workers):
        assert worker.stdin is not None
        order = {**place.ready(), "page": page.id, "region": n, "rounds": rounds}
        worker.stdin.write(json.dumps(order) + "\n")
        worker.stdin.flush()
    saves = 0
    done = threading.Event()

    def edit_by_hand() -> None:
        nonlocal saves
        while not done.wait(pause):
            saves += 1
            page.edit("<p>end", f"<p>saved {saves}</p><p>end")
            page.edit(f"words {saves % processes}", f"words {saves % processes}!")

    editor = threading.Thread(target=edit_by_hand)
    editor.start()
    try:
        told = [json.loads(worker.communicate(timeout=300)[0]) for worker in workers]
    finally:
        done.set()
        editor.join()
    assert [report["written"] for report in told] == [rounds] * processes
    total, conflicts = sum(r["puts"] for r in told), sum(r["conflicts"] for r in told)
    print(
        f"{processes} processes x {rounds} updates beside {2 * saves} saves by hand: "
        f"{total} PUTs, {conflicts} of them refused and repeated"
    )
    assert total == processes * rounds + conflicts
    for n in range(processes):
        marks = sum(1 for s in range(1, saves + 1) if s % processes == n)
        assert f"<td>round {rounds}</td><td>words {n}{'!' * marks}</td>" in page.body
    for s in range(1, saves + 1):
        assert f"<p>saved {s}</p>" in page.body
    assert page.version == 1 + 2 * saves + processes * rounds
    return saves


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
def test_processes_beside_an_editor(wiki: Confluence, make_page: MakePage) -> None:
    assert beside_an_editor(wiki, make_page(body_of(2)), processes=2, rounds=3, pause=0.1) > 0


@pytest.mark.thorough
def test_eight_processes_beside_an_editor(wiki: Confluence, make_page: MakePage) -> None:
    assert beside_an_editor(wiki, make_page(body_of(8)), processes=8, rounds=25, pause=0.5) > 1
