"""The view in a plain page: it draws, follows, filters, sends clicks, and nothing in it is markup."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from support import past
from support.browser_boards import (
    NODE,
    NOW,
    declare,
    end,
    events_of,
    many_tasks,
    progress,
    queue,
    start,
    working_day,
)
from support.due_tasks import scheduled
from support.run_events import changed

from schedkit.core.api.due_calendar import due_calendar
from schedkit.core.board.board import Board
from schedkit.core.board.feed import Feed
from schedkit.core.board.history import window
from schedkit.core.states import State
from schedkit.core.store.database import Store
from schedkit.core.triggers.constructors import every
from schedkit.values.durations import elapsed_text

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EVIL = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"


class Stage(Board):
    def board(self) -> dict[str, Any]:
        return self.snapshot(NOW)


@pytest.fixture
def day(view: Any) -> Iterator[Any]:
    # The browser's clock starts where the board's does, and can be put forward.
    view.page.clock.install(time=NOW)
    view.mount(working_day().snapshot(NOW))
    return view


def rows(view: Any) -> list[str]:
    names: list[str] = view.page.locator("[role=tabpanel]:not([hidden]) .sk-name").all_inner_texts()
    return names


def test_tasks_show_state_next_run_last_result_and_how_it_went(day: Any) -> None:
    page = day.page
    assert rows(day) == ["confluence_table", "epic_tree", "open_bugs", "sprint_report", "worklog_export"]
    line = page.get_by_role("row", name="open_bugs")
    expect(line).to_contain_text("Idle")
    expect(line).to_contain_text(re.compile(r"in 4m \d+s"))
    expect(line).to_contain_text("91 %")
    expect(line.get_by_role("img")).to_have_attribute(
        "aria-label", "last 24 runs: latest 8.7s, longest 8.9s, 2 failed"
    )
    running = page.get_by_role("row", name="sprint_report")
    expect(running).to_contain_text("1,340 / 2,000 · 6s left")
    expect(running.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "67")
    expect(page.locator(".sk-next")).to_contain_text(
        re.compile(r"Next: open_bugs in 4m \d+s, run by this process")
    )


def test_a_row_lists_options_and_links_to_the_page_of_its_task(view: Any) -> None:
    board = Stage()
    options = {"timeout": "5m", "link": "https://wiki.example.org/a", "some_note": EVIL}
    declare(board, "a", "every 1 hour", 60, options=options)
    declare(board, "b")
    view.mount(board.snapshot(NOW))
    line = view.page.get_by_role("row", name="every 1 hour")
    expect(line.locator(".sk-option")).to_have_count(3)
    expect(line).to_contain_text("timeout 5m")
    expect(line).to_contain_text(f"some note {EVIL}")
    link = line.get_by_role("link", name="https://wiki.example.org/a")
    expect(link).to_have_attribute("href", "https://wiki.example.org/a")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(view.page.locator(".sk-options").nth(1)).to_be_hidden()
    assert view.page.evaluate("window.hacked") is None


def test_durations_are_spelled_as_everywhere(day: Any) -> None:
    values = [
        0,
        0.0421,
        0.4,
        1,
        4.53,
        9.96,
        12.3,
        59.94,
        59.96,
        60,
        61,
        252.3,
        3600,
        7503,
        86399,
        86400,
        90061,
        1e7,
    ]
    script = "values => import('./format.js').then(format => values.map(format.duration))"
    assert day.page.evaluate(script, values) == [elapsed_text(value) for value in values]


def test_countdowns_move_by_themselves(day: Any) -> None:
    line = day.page.get_by_role("row", name="open_bugs")
    day.page.clock.fast_forward(60_000)
    expect(line).to_contain_text(re.compile(r"in 3m \d+s"))
    day.page.clock.fast_forward(240_000)
    expect(line).to_contain_text("due now")


def test_the_view_follows_changes_and_keeps_its_rows(view: Any) -> None:
    board = Stage()
    declare(board, "a", "every 1 hour", 60)
    feed = Feed(board)
    view.mount(feed.next())
    view.page.evaluate("document.querySelector('tbody tr').mine = true")
    queue(board, "r1", "a")
    start(board, "r1", "a")
    progress(board, "r1", "a", 1, 10, 100)
    assert view.apply(feed.next())
    line = view.page.get_by_role("row", name="every 1 hour")
    expect(line).to_contain_text("Running")
    expect(line.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "10")
    end(board, "r1", "a", 3)
    assert view.apply(feed.next())
    expect(line).to_contain_text("Done")
    expect(line.get_by_role("progressbar")).to_have_count(0)
    assert view.page.evaluate("document.querySelector('tbody tr').mine") is True
    declare(board, "b")
    board.fold(changed("a", "removed", NOW))
    assert view.apply(feed.next())
    assert rows(view) == ["b"]


def test_a_missed_message_is_noticed(view: Any) -> None:
    board = Stage()
    declare(board, "a")
    feed = Feed(board)
    view.mount(feed.next())
    declare(board, "b")
    missed = feed.next()
    assert missed is not None
    declare(board, "c")
    assert view.apply(feed.next()) is False
    assert rows(view) == ["a"]
    feed.restart()
    assert view.apply(feed.next())
    assert rows(view) == ["a", "b", "c"]


def test_search_filters_and_sort(day: Any) -> None:
    page = day.page
    page.get_by_label("Find a task").fill("EPIC")
    expect(page.locator(".sk-tasks tbody tr")).to_have_count(1)
    page.get_by_label("Find a task").fill("nothing like it")
    expect(page.locator(".sk-empty")).to_contain_text("No task fits these filters.")
    page.get_by_label("Find a task").fill("")
    page.get_by_label("Tag").select_option("daily")
    expect(page.locator(".sk-tasks tbody tr")).to_have_count(2)
    page.get_by_label("Tag").select_option("")
    page.get_by_label("State").select_option("paused")
    expect(page.locator(".sk-tasks tbody tr")).to_have_count(1)
    page.get_by_label("State").select_option("")
    page.get_by_role("button", name="Next run").click()
    expect(page.get_by_role("columnheader", name="Next run")).to_have_attribute("aria-sort", "ascending")
    assert rows(day)[:3] == ["open_bugs", "sprint_report", "epic_tree"]
    page.get_by_role("button", name="Next run").click()
    expect(page.get_by_role("columnheader", name="Next run")).to_have_attribute("aria-sort", "descending")
    assert rows(day) == ["epic_tree", "sprint_report", "open_bugs", "confluence_table", "worklog_export"]
    page.get_by_role("button", name="Success").click()
    expect(page.get_by_role("columnheader", name="Success")).to_have_attribute("aria-sort", "ascending")
    assert rows(day)[0] == "open_bugs"


def test_thousands_of_tasks_are_paged(view: Any) -> None:
    view.mount(many_tasks(5000).snapshot(NOW))
    page = view.page
    expect(page.locator(".sk-tasks tbody tr")).to_have_count(250)
    expect(page.locator(".sk-pager")).to_contain_text("1 to 250 of 5,000")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".sk-pager")).to_contain_text("251 to 500 of 5,000")
    assert rows(view)[0] == "task 00250"
    page.get_by_label("Find a task").fill("task 0421")
    expect(page.locator(".sk-tasks tbody tr")).to_have_count(10)
    expect(page.locator(".sk-pager")).to_be_hidden()


def test_a_click_is_sent_shown_as_requested_and_answered(day: Any) -> None:
    page = day.page
    page.evaluate("() => { window.answer = () => new Promise((done) => { window.done = done; }); }")
    pause = page.get_by_role("button", name="Pause open_bugs")
    pause.click()
    expect(pause).to_have_attribute("aria-busy", "true")
    pause.click()
    page.clock.fast_forward(1600)
    expect(page.get_by_role("status")).to_contain_text("Requested; it acts as soon as the kernel is free")
    page.clock.fast_forward(60_000)
    expect(page.get_by_role("status")).to_contain_text("Requested; it acts as soon as the kernel is free")
    page.evaluate("window.done({ ok: true, words: 'open_bugs is paused' })")
    expect(page.get_by_role("status")).to_contain_text("open_bugs is paused")
    assert day.sent == [{"do": "pause", "task": "open_bugs"}]
    page.evaluate("() => { window.answer = async () => ({ ok: false, error: 'nobody runs it' }); }")
    page.get_by_role("button", name="Run open_bugs now").click()
    expect(page.get_by_role("status")).to_contain_text("nobody runs it")
    page.get_by_role("button", name="Cancel the present run of sprint_report").click()
    page.get_by_role("button", name="Resume worklog_export").click()
    page.get_by_role("button", name="Pause the scheduler").click()
    assert day.sent[1:] == [
        {"do": "run", "task": "open_bugs"},
        {"do": "cancel", "run": "live"},
        {"do": "resume", "task": "worklog_export"},
        {"do": "pause"},
    ]


def test_a_run_in_full(day: Any) -> None:
    page = day.page
    page.get_by_role("button", name="sprint_report", exact=True).click()
    run = page.get_by_role("region", name="Run", exact=True)
    for words in (
        "started",
        "extract issues",
        "1,340 / 2,000 · 112/s · 6s left",
        "sprint.xlsx",
        "178.1 KB",
        "KAFKA",
        "1,340",
    ):
        expect(run).to_contain_text(words)
    expect(run.get_by_role("log")).to_contain_text("page 6 answered 429; waiting 2 s")
    assert day.sent == [{"do": "open", "run": "live"}]
    page.keyboard.press("Escape")
    expect(run).to_be_hidden()
    assert day.sent[-1] == {"do": "close", "run": "live"}


def test_a_failed_run_tells_what_to_do_and_folds_its_traceback(day: Any) -> None:
    page = day.page
    page.get_by_role("tab", name="Runs").click()
    page.get_by_label("State").locator("visible=true").select_option("FAILED")
    page.get_by_role("row", name="open_bugs").first.get_by_role(
        "button", name="open_bugs", exact=True
    ).click()
    alert = page.locator(".sk-error")
    expect(alert).to_contain_text("UnavailableError: Jira did not answer within 75 s")
    expect(alert).to_contain_text("the next due time tries again")
    expect(alert.locator("pre")).to_be_hidden()
    alert.get_by_text("Traceback", exact=True).click()
    expect(alert.locator("pre")).to_contain_text("Traceback (most recent call last)")


def test_the_queue_says_what_is_waited_for(day: Any) -> None:
    day.page.get_by_role("tab", name="Queue").click()
    line = day.page.get_by_role("row", name="confluence_table")
    expect(line).to_contain_text("sprint_report")
    expect(line).to_contain_text("medium")


def test_a_run_that_waits_for_its_own_task_says_so(view: Any) -> None:
    board = working_day()
    declare(board, "sprint_report", "every 1 hour", 1900, max_instances=1)  # its run "live" is under way
    declare(board, "open_bugs", max_instances=1)
    for run, task in (("second", "sprint_report"), ("other", "open_bugs")):
        queue(board, run, task, cause="after")  # what is submitted does not wait for it
    view.mount(board.snapshot(NOW), panel="queue")
    row = view.page.get_by_role("row")
    expect(row.filter(has_text="run second")).to_contain_text("another run of sprint_report")
    expect(row.filter(has_text="run other")).to_contain_text("a free place")


def test_a_run_that_waits_for_a_limit_says_which(view: Any) -> None:
    board = working_day()
    board.put_scheduler(concurrency=4, limits={"tag:jira": 1, "thread": 2, "process": 1})
    places = {
        "tagged": {"tags": ("other", "jira")},
        "sync": {"executor": "thread"},
        "heavy": {"executor": "process"},
    }
    for name, facts in places.items():
        declare(board, f"{name}_now", **facts)
        queue(board, f"{name}1", f"{name}_now", -9)
        start(board, f"{name}1", f"{name}_now", -9)
        declare(board, name, **facts)
        queue(board, f"{name}2", name, -5)
    declare(board, "rated", rate="5 in 1m")
    declare(board, "gone", waiting=True)
    queue(board, "rated1", "rated", -5)
    queue(board, "gone1", "gone", -5)
    view.mount(board.snapshot(NOW), panel="queue")
    row = view.page.get_by_role("row")

    def says(run: str, words: str) -> None:
        expect(row.filter(has_text=f"run {run}").last).to_contain_text(words)

    says("tagged2", "another run tagged jira")
    says("heavy2", "a free process")
    says("sync2", "a free place")  # one of two threads is free, and of four places none
    says("rated1", "a free place")
    says("gone1", "its code: run the cell or file that declares it")
    end(board, "heavy1", "heavy_now", 0)
    queue(board, "sync3", "sync_now", -9)
    start(board, "sync3", "sync_now", -9)
    end(board, "live", "sprint_report", 0)
    view.mount(board.snapshot(NOW), panel="queue")
    says("sync2", "a free thread")
    says("rated1", "its rate, 5 in 1m")


def test_who_runs_the_next_due_time_counts_only_tasks_whose_code_is_here(view: Any) -> None:
    """After a restart with half of the cells run: this process was said to run what it has no code for."""
    board = working_day()
    declare(board, "renamed", "every 2 s", -60, waiting=True)
    view.mount(board.snapshot(NOW))
    expect(view.page.locator(".sk-next")).to_contain_text("Next: open_bugs in 4m")
    expect(view.page.locator(".sk-trouble")).to_have_text(
        "renamed waits for its code: run the cell or file that declares it, or remove it"
    )
    for number in range(4):
        declare(board, f"other {number}", "every 2 s", -60, waiting=True)
    view.mount(board.snapshot(NOW))
    expect(view.page.locator(".sk-trouble").last).to_contain_text(
        "other 0, other 1, other 2 and 2 more wait for"
    )


def test_a_row_says_where_a_task_runs_if_not_here_and_who_would_go_on(view: Any) -> None:
    board = Board()
    copy = {**NODE, "life": "b", "name": "copy.ipynb", "pid": 8, "here": False, "standing_by": ["mine"]}
    behind = {**copy, "life": "c", "name": "lab in the background", "pid": 9, "standing_by": []}
    board.put_scheduler(state="running", nodes=[{**NODE, "standing_by": ["theirs"]}, copy, behind])
    declare(board, "mine", "every 1 h", 60)
    declare(board, "theirs", "every 1 h", 60, home="c")
    declare(board, "alone", "every 1 h", 60)
    view.mount(board.snapshot(NOW))
    row = view.page.locator(".sk-tasks tbody tr")
    expect(row.filter(has_text="mine")).to_contain_text("every 1 h · then copy.ipynb (pid 8)")
    words = "every 1 h · runs in lab in the background (pid 9) · then this process"
    expect(row.filter(has_text="theirs")).to_contain_text(words)
    expect(row.filter(has_text="alone").locator(".sk-under").first).to_have_text("every 1 h")


def test_the_head_says_what_keeps_runs_from_starting(view: Any) -> None:
    board = working_day()

    def why(kind: str, text: str, seconds: float, *, wrong: bool) -> dict[str, Any]:
        since = (NOW - timedelta(seconds=seconds)).isoformat()
        return {"kind": kind, "text": text, "task": "", "run": "", "since": since, "wrong": wrong}

    board.put_scheduler(
        why=[
            why("hung", "code of 'hang' does not end", 1, wrong=True),
            why("concurrency", "2 runs wait: all places are taken", 60, wrong=False),
            why("rate", "1 run waits for its rate", 1, wrong=False),
            why("paused", "all is paused", 60, wrong=False),
        ]
    )
    view.mount(board.snapshot(NOW))
    expect(view.page.locator(".sk-trouble")).to_have_text("code of 'hang' does not end")
    expect(view.page.locator(".sk-waits")).to_have_text("2 runs wait: all places are taken")
    board.put_scheduler(why=[])
    view.mount(board.snapshot(NOW))
    expect(view.page.locator(".sk-trouble").last).to_be_hidden()
    expect(view.page.locator(".sk-waits").last).to_be_hidden()


def test_a_rate_is_named_before_the_places_that_others_hold(view: Any) -> None:
    """Cancelling what others run would not let it start."""
    board = working_day()
    board.put_scheduler(concurrency=1)  # the run "live" has it
    declare(board, "rated", rate="2 in 1m 30s")
    declare(board, "later")
    for run, began in (("old", -200), ("first", -60), ("second", -30)):
        queue(board, run, "rated", began)
        start(board, run, "rated", began)
        end(board, run, "rated", began + 1)
    queue(board, "third", "rated", -5)
    queue(board, "future", "later", 600)
    view.mount(board.snapshot(NOW), panel="queue")
    row = view.page.get_by_role("row")
    # The second latest start was 60 s ago, and 90 s have to lie between.
    expect(row.filter(has_text="run third")).to_contain_text(
        re.compile(r"its rate, 2 in 1m 30s: free in \d\ds")
    )
    expect(row.filter(has_text="run future")).to_contain_text("its time")
    board.put_scheduler(nodes=[], state="stopped")
    view.mount(board.snapshot(NOW), panel="queue")
    expect(row.filter(has_text="run third").last).to_contain_text("a scheduler: none is running")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "past.db")
    yield store
    store.close()


def history(view: Any, store: Store, rows: list[dict[str, Any]], **options: Any) -> Any:
    """Mount a board whose history is these rows of a ledger; returns the panel."""
    past.write(store, rows)
    view.page.clock.install(time=NOW)
    view.mount(working_day().snapshot(NOW), **options)
    view.answer_history(functools.partial(window, store, NOW))
    view.page.get_by_role("tab", name="History").click()
    return view.page.get_by_role("tabpanel", name="History")


def test_history_is_the_ledgers_and_is_paged(view: Any, store: Store) -> None:
    panel = history(view, store, past.many_ended(3000, NOW, days=30, tasks=20))
    figures = panel.locator(".sk-tile-figure")
    expect(figures.first).to_have_text("100")
    expect(figures.nth(1)).to_have_text("10")
    panel.get_by_label("Window").select_option("Last 30 days")
    expect(figures.first).to_have_text("3,000")
    expect(panel.locator(".sk-more")).to_have_text("and 8 tasks with fewer runs")
    expect(panel.get_by_role("group", name="Time line of 3,000 runs of 20 tasks, 300 failed")).to_be_visible()
    assert panel.locator(".sk-lane g").count() <= 12 * 120
    expect(panel.locator(".sk-pager")).to_contain_text("1 to 50 of 3,000")
    panel.get_by_role("button", name="Next page").click()
    expect(panel.locator(".sk-pager")).to_contain_text("51 to 100 of 3,000")
    panel.get_by_label("Task", exact=True).select_option("task 03")
    expect(panel.locator(".sk-pager")).to_contain_text("1 to 50 of 150")
    assert set(panel.locator(".sk-name").all_inner_texts()) == {"task 03"}
    panel.get_by_label("State").select_option("Failed")
    expect(figures.first).to_have_text("150")
    assert panel.locator(".sk-badge").all_inner_texts() == ["Failed"] * 50
    panel.get_by_label("Window").select_option("Last hour")
    expect(panel.get_by_role("status")).to_have_text("No run in this window fits.")
    expect(panel.locator(".sk-chart")).to_be_hidden()


def test_a_lane_shows_durations_and_failures_and_can_be_chosen(view: Any, store: Store) -> None:
    rows = [
        past.ended(1, "bugs", NOW - timedelta(hours=3), 60),
        past.ended(2, "bugs", NOW - timedelta(hours=2), 120, "FAILED"),
        past.ended(3, "tree", NOW - timedelta(hours=1), 30),
    ]
    panel = history(view, store, rows)
    bugs = panel.locator(".sk-lane-row").first
    tall = bugs.locator("rect").evaluate_all("bars => bars.map((bar) => Number(bar.getAttribute('height')))")
    assert tall == [11, 22]
    expect(bugs.locator("rect").nth(1)).to_have_class("sk-spark-bad")
    assert "failed, 2m" in (bugs.locator("title").nth(1).text_content() or "")
    panel.get_by_role("button", name="tree").first.click()
    expect(panel.locator(".sk-lane-row")).to_have_count(1)
    expect(panel.get_by_label("Task", exact=True)).to_have_value("tree")


def test_history_looks_again_when_a_run_ends_but_not_at_every_change(view: Any, store: Store) -> None:
    board = Stage()
    declare(board, "a", "every 1 hour", 60)
    past.write(store, [past.ended(1, "a", NOW - timedelta(minutes=5), 1)])
    view.page.clock.install(time=NOW)
    feed = Feed(board)
    view.mount(feed.next())
    view.answer_history(functools.partial(window, store, NOW))
    view.page.get_by_role("tab", name="History").click()
    figures = view.page.locator(".sk-tile-figure")
    expect(figures.first).to_have_text("1")
    declare(board, "b")
    assert view.apply(feed.next())
    view.page.clock.run_for(60_000)
    assert [command["do"] for command in view.sent] == ["history"]
    past.write(store, [past.ended(2, "a", NOW - timedelta(minutes=1), 1)])
    queue(board, "r1", "a")
    start(board, "r1", "a")
    end(board, "r1", "a", 3)
    assert view.apply(feed.next())
    expect(figures.first).to_have_text("2")
    assert [command["do"] for command in view.sent] == ["history", "history"]


def test_a_run_from_further_back_is_opened(view: Any, store: Store) -> None:
    panel = history(view, store, past.many_ended(30, NOW, days=1, tasks=2))
    page = view.page
    page.evaluate(
        """() => {
          const before = window.answer;
          window.answer = async (command) => command.do === "run_detail"
            ? { ok: true, data: { id: command.run, task: "from the past", state: "DONE",
                log: [{ n: 1, at: null, level: 20, message: "long ago" }],
                attempts: [{ number: 1, finished_at: "2026-01-01T00:00:00Z", outcome: "done", error: null,
                  worker: "w1 on host-2" }] } }
            : before(command);
        }"""
    )
    panel.locator(".sk-name").first.click()
    run = page.get_by_role("region", name="Run", exact=True)
    expect(run.get_by_role("heading", name="from the past")).to_be_focused()
    expect(run.get_by_role("log")).to_contain_text("long ago")
    expect(run).to_contain_text("done, worker w1 on host-2")


def test_history_where_nobody_answers(day: Any) -> None:
    day.page.get_by_role("tab", name="History").click()
    panel = day.page.get_by_role("tabpanel", name="History")
    expect(panel.get_by_role("status")).to_have_text("There is no history here.")
    day.page.evaluate("() => { window.answer = async () => ({ ok: false, error: 'the ledger is away' }); }")
    panel.get_by_label("Window").select_option("Last 7 days")
    expect(panel.get_by_role("status")).to_have_text("the ledger is away")


def test_a_day_on_which_nothing_is_due_is_in_the_calendar_if_it_is_today(view: Any, store: Store) -> None:
    late = NOW.replace(hour=23, minute=30)
    past.write(store, [])
    page = view.page
    page.clock.install(time=late)
    view.mount(Stage().snapshot(late))
    tasks = [scheduled("hourly", every("1h"), now=late)]
    page.expose_function(
        "due",
        lambda command: {"ok": True, "data": due_calendar(store, tasks, late, command["first"], UTC)},
    )
    page.evaluate("() => { window.answer = window.due; }")
    page.get_by_role("tab", name="Calendar").click()
    panel = page.get_by_role("tabpanel", name="Calendar")
    days = panel.get_by_role("heading")
    expect(days).to_have_count(7)
    expect(days.first).to_contain_text("(today)")
    expect(panel.locator(".sk-day").first).to_contain_text("Nothing is due today.")
    panel.get_by_role("button", name="Seven days later").click()
    expect(panel.get_by_role("heading", name="(today)")).to_have_count(0)
    tasks.clear()
    panel.get_by_role("button", name="Today").click()
    expect(panel.get_by_role("status")).to_have_text("Nothing is due in these days.")
    expect(days).to_have_count(0)


def test_the_keyboard_reaches_everything(day: Any) -> None:
    page = day.page
    page.get_by_role("tab", name="Tasks").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Failing")).to_be_focused()
    expect(page.get_by_role("tab", name="Failing")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="epic_tree", exact=True).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="open_bugs", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="open_bugs")).to_be_focused()


def test_every_control_has_a_name(day: Any) -> None:
    page = day.page
    for tab in ("Tasks", "Failing", "Runs", "Queue", "Calendar", "History", "Audit"):
        page.get_by_role("tab", name=tab).click()
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, input, select")]
                .filter((node) => node.offsetParent && !(node.ariaLabel || node.textContent.trim())).length"""
        )
        assert nameless == 0


def test_text_is_inert_everywhere(view: Any) -> None:
    board = Board()
    node = {"life": "b", "name": EVIL, "pid": 1, "host": EVIL, "here": False, "standing_by": []}
    heir = {**node, "life": "c", "standing_by": [EVIL]}
    board.put_scheduler(state="running", nodes=[node, heir], trouble=EVIL)
    declare(board, EVIL, EVIL, 60, home="b", tags=(EVIL,), description=EVIL)
    queue(board, "r", EVIL, params={EVIL: EVIL}, state=State.PENDING, waiting_for=(EVIL,))
    queue(board, "w", EVIL, state=State.PENDING, waiting_for=(EVIL,))
    start(board, "r", EVIL)
    tell = events_of(board)
    board.fold(tell.progressed("r", EVIL, 0, stage=EVIL, done=1, total=2))
    board.fold(tell.logged("r", EVIL, 0, level=40, message=EVIL))
    board.fold(tell.noted("r", EVIL, 0, kind=EVIL, facts={EVIL: EVIL}))
    board.fold(tell.noted("r", EVIL, 0, kind="artifact", facts={"path": EVIL, "label": EVIL}))
    error = {"type": EVIL, "message": EVIL, "hint": EVIL, "traceback": EVIL}
    end(board, "r", EVIL, 3, state=State.DONE, error=error, result={"rows": 1})
    view.mount(board.snapshot(NOW))
    page = view.page
    for tab in ("Queue", "History", "Runs", "Tasks"):
        page.get_by_role("tab", name=tab).click()
    page.locator(".sk-tasks .sk-name").click()
    answer = {"ok": True, "words": EVIL, "data": {"columns": [EVIL], "data": [[EVIL]], "rows": 1}}
    page.evaluate("answer => { window.answer = async () => answer; }", answer)
    page.get_by_role("button", name="Preview data").click()
    expect(page.locator(".sk-data td")).to_have_text(EVIL)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".sk script, .sk img").count() == 0
    assert page.locator(".sk-trace").text_content() == EVIL


def test_the_preview_and_a_download(day: Any) -> None:
    page = day.page
    page.get_by_role("button", name="open_bugs", exact=True).click()
    data = {"columns": ["Key", "Summary"], "data": [["DEMO-1", "one"], ["DEMO-2", "two"]], "rows": 9}
    page.evaluate("data => { window.answer = async () => ({ ok: true, data }); }", data)
    page.get_by_role("button", name="Preview data").click()
    expect(page.get_by_role("region", name="Preview of the data")).to_contain_text("first 2 of 9 rows")
    page.evaluate(
        "() => { window.answer = async () => ({ ok: true, buffer: new TextEncoder().encode('bytes') }); }"
    )
    page.get_by_role("button", name="sprint_report", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "sprint.xlsx"
    assert download.value.path().read_bytes() == b"bytes"


def test_narrow_pages_do_not_scroll_sideways(day: Any) -> None:
    page = day.page
    page.get_by_role("button", name="sprint_report", exact=True).click()
    for width in (1400, 900, 700, 480, 340):
        page.set_viewport_size({"width": width, "height": 900})
        for tab in ("Tasks", "Failing", "Runs", "Queue", "Calendar", "History", "Audit"):
            page.get_by_role("tab", name=tab).click()
            over = page.evaluate(
                """() => [...document.querySelectorAll(".sk, .sk-scroll:not(.sk-frame), .sk-run")]
                  .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.className)"""
            )
            assert over == [], f"{tab} at {width}"


def test_the_queue_reads_well_in_a_narrow_page(view: Any) -> None:
    """The sentence that says what is waited for was squeezed to three lines of a word or two."""
    board = working_day()
    board.put_scheduler(concurrency=9, limits={"tag:a tag of some length": 1})
    declare(board, "live_now", tags=("a tag of some length",))
    declare(board, "extract_everything_below_the_initiative", tags=("a tag of some length",))
    queue(board, "l", "live_now", -9)
    start(board, "l", "live_now", -9)
    queue(board, "waits1", "extract_everything_below_the_initiative", -5)
    view.mount(board.snapshot(NOW), panel="queue")
    row = view.page.get_by_role("row").filter(has_text="run waits1")
    words = row.locator(".sk-col-fifth")
    expect(words).to_contain_text("another run tagged a tag of some length")
    for width, most_lines in ((400, 1), (630, 2), (760, 2), (1100, 1)):
        view.page.set_viewport_size({"width": width + 34, "height": 700})
        line = row.locator(".sk-badge").bounding_box()["height"]
        assert words.locator("span").bounding_box()["height"] < line * (most_lines + 0.5), width
        assert row.locator(".sk-name").bounding_box()["height"] < line * 4, width
    view.page.set_viewport_size({"width": 434, "height": 700})
    heads = [row.locator(f".sk-col-{name}").bounding_box()["y"] for name in ("state", "third", "fourth")]
    assert max(heads) - min(heads) < 1


def test_figures_that_have_no_room_leave_no_gap_in_a_card(day: Any) -> None:
    for width in (940, 840, 500, 400):
        day.page.set_viewport_size({"width": width, "height": 900})
        for column in ("spark", "success"):
            expect(day.page.locator(f".sk-tasks td.sk-col-{column}").first).to_be_hidden()


def test_unmounting_leaves_nothing_behind(day: Any) -> None:
    day.page.evaluate("window.unmount()")
    assert day.page.locator(".sk").count() == 0
    assert day.page.evaluate("window.store.listeners.size") == 0
    day.page.clock.fast_forward(5000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast_in_both_themes(view: Any, theme: str) -> None:
    view.mount(working_day().snapshot(NOW))
    ratios = view.page.evaluate(
        """(theme) => {
          const root = document.querySelector(".sk");
          root.dataset.theme = theme;
          const value = (name) => getComputedStyle(root).getPropertyValue(name).trim();
          const light = (hex) => {
            const part = (i) => { const c = parseInt(hex.slice(i, i + 2), 16) / 255;
              return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
            return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
          };
          const ratio = (a, b) => { const [x, y] = [light(value(a)), light(value(b))].sort((p, q) => q - p);
            return (x + 0.05) / (y + 0.05); };
          const pairs = [["--sk-text", "--sk-bg"], ["--sk-muted", "--sk-bg"], ["--sk-muted", "--sk-soft"]];
          for (const tone of ["good", "bad", "warn", "running", "queued", "quiet"])
            pairs.push([`--sk-${tone}`, `--sk-${tone}-soft`]);
          return Object.fromEntries(pairs.map(([a, b]) => [`${a} on ${b}`, ratio(a, b)]));
        }""",
        theme,
    )
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def failed_task() -> Stage:
    board = Stage()
    board.put_scheduler(state="running", nodes=[NODE])
    declare(board, "bugs", "every 1 hour", 60)
    lines = [{"where": "Cell In[9]", "line": 4, "function": "bugs", "code": f'df["Prio"]  # {EVIL}'}]
    error = {"type": "KeyError", "message": "'Prio'", "lines": lines, "traceback": "Traceback …"}
    for run, how, facts in (("r1", State.FAILED, {"error": error}), ("r2", State.CANCELLED, {})):
        queue(board, run, "bugs")
        start(board, run, "bugs", 1)
        end(board, run, "bugs", 2, state=how, **facts)
    return board


def test_what_failed_shows_the_persons_own_line_and_stays_failed(view: Any) -> None:
    view.mount(failed_task().snapshot(NOW))
    page = view.page
    expect(page.locator(".sk-head")).to_contain_text("1 failing")
    line = page.get_by_role("row", name="every 1 hour")
    expect(line.locator(".sk-col-state")).to_have_text("Failed")
    expect(line.locator(".sk-col-last")).to_contain_text("Cancelled")
    page.get_by_role("tab", name="Runs").click()
    row = page.get_by_role("row", name="KeyError: 'Prio'")
    row.get_by_role("button", name="bugs").first.click()
    shown = page.locator(".sk-error")
    expect(shown.locator("strong")).to_have_text("KeyError: 'Prio'")
    expect(shown).to_contain_text("Cell In[9], line 4, in bugs")
    expect(shown.locator(".sk-code")).to_have_text(f'df["Prio"]  # {EVIL}')
    assert page.evaluate("window.hacked") is None


def test_a_notebook_changes_schedules_removes_tasks_and_stops(view: Any) -> None:
    page = view.page
    view.mount(failed_task().snapshot(NOW))
    for name in ("Change or remove bugs", "Stop"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    page.evaluate("window.unmount()")
    view.mount(failed_task().snapshot(NOW), edits=True)
    page.get_by_role("button", name="Change or remove bugs").click()
    page.get_by_label("New schedule of bugs").fill(" every 2h ")
    page.get_by_label("New schedule of bugs").press("Enter")
    page.get_by_role("button", name="Remove task").click()
    page.get_by_role("button", name="Remove it: click again").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop it: click again").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert [command for command in view.sent if command["do"] != "open"] == [
        {"do": "reschedule", "task": "bugs", "trigger": "every 2h"},
        {"do": "remove", "task": "bugs"},
        {"do": "stop"},
    ]
