"""The bar in a cell: late, throttled, inert, and gone at the end."""

from __future__ import annotations

import functools
import logging

import pytest
from support.notebook_shell import Shell
from support.waiting import wait_until

from schedkit import context
from schedkit.notebook.bar import CellBar, cell_bar
from schedkit.notebook.front_end import connect
from schedkit.notebook.publisher import Publisher


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_quick_call_shows_nothing(shell: Shell) -> None:
    clock = Clock()
    bar = CellBar(patience=0.4, clock=clock)
    bar.publish()
    bar.progress("extract", 1, 2)
    bar.publish()
    bar.finish()
    assert shell.outputs == []


def test_a_slow_call_draws_one_output_updates_it_and_takes_it_away(shell: Shell) -> None:
    clock = Clock()
    bar = CellBar(patience=0.4, clock=clock)
    bar.progress("extract", 0, 2000)
    clock.now += 2
    bar.progress("extract", 500, 2000)
    bar.publish()
    bar.publish()
    bar.log(logging.INFO, "page 3 of 14 <b>")
    bar.publish()
    bar.finish()
    assert [(sorted(o["data"]), o["update"]) for o in shell.outputs] == [
        ([], False),
        (["text/html"], True),
        (["text/html"], True),
        ([], True),
    ]
    assert len({o["transient"]["display_id"] for o in shell.outputs}) == 1
    first, second = (o["data"]["text/html"] for o in shell.outputs[1:3])
    assert "500 / 2,000 · 250/s · 6s left" in first
    assert "width:25.0%" in first
    assert "page 3 of 14 &lt;b&gt;" in second


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([(0, 0, None)], "<span>0</span>"),
        ([(0, 0, None), (3, 70, None)], "<span>70 · 3s</span>"),
        ([(0, 0, 4), (2, 4, 4)], "<span>4 / 4 · 2s</span>"),
        ([(0, 9, 4)], "<span>9 / 4</span>"),
    ],
)
def test_the_words_of_a_stage(steps: list[tuple[float, float, float | None]], words: str) -> None:
    clock = Clock()
    bar = CellBar(clock=clock)
    for seconds, done, total in steps:
        clock.now = 100 + seconds
        bar.progress("<i>", done, total)
    assert words in bar.html()
    assert "<i>" not in bar.html()


def test_the_publisher_draws_the_bar_of_a_surrounded_call(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Publisher(interval=0.01, idle=0.02)
    monkeypatch.setattr("schedkit.notebook.bar.publisher", lambda: mine)
    context.set_default(functools.partial(cell_bar, patience=0.0))
    try:
        with context.surrounded():
            context.progress("extract", 1, 2)
            wait_until(lambda: len(shell.outputs) >= 2)
    finally:
        context.set_default(None)
    wait_until(lambda: shell.outputs[-1]["data"] == {})
    assert "extract" in shell.outputs[1]["data"]["text/html"]
    assert shell.outputs[-1]["update"] is True


def test_only_a_kernel_gets_a_bar(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    connect()
    with context.surrounded() as listener:
        assert type(listener) is context.NoListener
    monkeypatch.setattr(shell.shell, "kernel", object(), raising=False)
    with context.surrounded() as listener:
        assert isinstance(listener, CellBar)


def test_warnings_of_a_call_stay_in_its_cell(capsys: pytest.CaptureFixture[str]) -> None:
    with cell_bar() as bar:
        bar.log(logging.INFO, "page 3")
        for number in (1, 1, *range(2, 14)):
            bar.log(logging.WARNING, f"{number} issues could not\nbe read")
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "schedkit: 1 issues could not be read"
    assert told[-1] == "schedkit: and 3 more warnings"
    assert len(told) == 11
    with cell_bar():
        pass
    assert capsys.readouterr().err == ""
