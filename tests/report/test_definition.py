"""YAML in, frozen values or one clear line out."""

from __future__ import annotations

from datetime import datetime

import pytest

from schedkit.core.model import After, Rate, Retry
from schedkit.core.states import Overlap, Priority
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.errors import SettingsError
from schedkit.report import load_reports, loads_reports
from schedkit.values.yaml import parse_yaml

GOOD = """\
name: open-bugs
schedule: {cron: "0 7 * * mon-fri", tz: Europe/Berlin}
extract: {site: demo, jql: type = Bug}
shape:
  - sort: [-Updated]
deliver:
  - excel: {path: out.xlsx}
"""


def test_a_report_reads_as_written() -> None:
    (report,) = loads_reports(GOOD)
    assert report.extract["issues"].site == ("demo",)
    assert report.extract["issues"].source == "jql"
    assert report.shape[0].sort == ("-Updated",)
    assert report.deliver[0].to == "excel"
    assert report.schedule is not None
    assert report.schedule.cron == "0 7 * * mon-fri"


def test_several_documents_are_several_reports() -> None:
    assert len(loads_reports(GOOD + "---\n" + GOOD.replace("open-bugs", "other") + "---\n")) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: open-bugs", "nam: open-bugs"), r"r:1:1: unknown option 'nam'.* \(did you mean 'name'\?"),
        (
            ("jql: type = Bug", "jlq: type = Bug"),
            r"r:3:23: extract: unknown option 'jlq' \(did you mean",
        ),
        (
            ("sort: [-Updated]", "sortt: [x]"),
            r"r:5:5: shape.0: there is no step 'sortt' \(did you mean 'so",
        ),
        (("jql: type = Bug", "jql: a, root: A-1"), r"r:3:1: extract: write exactly one of: jql, project"),
        (("cron: ", "every: 1h, cron: "), r"r:2:1: schedule: write exactly one of: cron, every, at"),
        (
            ("excel: {path", "excl: {path"),
            r"r:7:5: deliver.0: there is no deliverer 'excl' \(did you mean 'excel'",
        ),
        (
            ("excel: {path", "excel: {pth"),
            r"r:7:13: deliver.0.excel: unknown option 'pth'.* .did you mean 'pa",
        ),
        (
            ("excel: {path: out.xlsx}", "excel: 3"),
            r"r:7:5: deliver.0.excel: write a mapping of names to values$",
        ),
        (("tz: Europe/Berlin", "tz: Europe"), r"r:2:37: schedule.tz: unknown time zone 'Europe'"),
        (("0 7 * * mon-fri", "0 7 * *"), r"r:2:12: schedule.cron: cron\('0 7 \* \*'\): 4 fields"),
        (
            ("shape:", "task: {timout: 5m}\nshape:"),
            r"r:4:8: task: unknown option 'timout' .did you mean",
        ),
        (("shape:", "task: {timeout: soon}\nshape:"), r"r:4:8: task.timeout: invalid duration 'soon'"),
        (("shape:", "task: {retry: {tries: 2}}\nshape:"), r"r:4:8: task.retry: unknown option 'tries'"),
        (("shape:", "task: 5\nshape:"), r"r:4:1: task: write a mapping"),
        (("  - excel: {path: out.xlsx}", "  excel: {path: out.xlsx}"), r"r:6:1: deliver: write a list: - "),
        (("  - excel: {path: out.xlsx}", "  []"), "deliver: the report has no output"),
        (("name: open-bugs", "name: a\nname: b"), "r:2:1: key 'name' appears twice"),
        (("name: open-bugs", "name: ["), r"r:\d:\d: .*\(fix the YAML syntax\)"),
        (("name: open-bugs", "name: \x01"), r"r:1: character 1 is not allowed in YAML"),
        (("name: open-bugs", "name: ''"), r"r:1:1: name='' \(letters, digits, spaces"),
        (("name: open-bugs", "nothing: 1\nelse: 2"), r"r:1:1: unknown option 'nothing', and 2 more problems"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(change: tuple[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        loads_reports(GOOD.replace(*change), "r")
    assert "\n" not in str(caught.value)


SAID: dict[str, tuple[str, object]] = {
    "retry": ("{attempts: 5, delay: 10s}", Retry(attempts=5, delay=10)),
    "timeout": ("5m", 300.0),
    "priority": ("high", Priority.HIGH),
    "after": ("[one, {task: two, on: any}]", (After("one"), After("two", on="any"))),
    "overlap": ("queue", Overlap.QUEUE),
    "tags": ("nightly", ("nightly",)),
    "rate": ("5/min", Rate(5, 60)),
    "runs_in": ("thread", "thread"),
    "runs_on": ("{memory: 8GB, licence: 1}", {"memory": 8e9, "licence": 1.0}),
    "max_instances": ("2", 2),
    "misfire_grace": ("5m", 300.0),
    "coalesce": ("false", False),
    "catch_up": ("7", 7),
    "jitter": ("30s", 30.0),
    "enabled": ("false", False),
    "link": ("https://wiki.example.org/bugs", "https://wiki.example.org/bugs"),
}


def test_every_option_of_a_task_can_be_said_in_a_report() -> None:
    data = {name for name, option in TASK_OPTIONS.items() if option.data}
    assert set(SAID) == data - {"name", "description", "params"}, "give an example of the new option"
    block = "".join(f"  {name}: {text}\n" for name, (text, _) in SAID.items())
    (report,) = loads_reports(f"{GOOD}task:\n{block}")
    assert report.task.options == {name: value for name, (_, value) in SAID.items()}
    (report,) = loads_reports(f"{GOOD}task: {{misfire_grace_time: 5m, executor: processpool}}\n")
    assert report.task.options == {"misfire_grace": 300.0, "runs_in": "process"}


def test_a_schedule_is_read_as_every_trigger_is() -> None:
    (report,) = loads_reports(GOOD.replace('cron: "0 7 * * mon-fri"', "every: 90, jitter: 1m"))
    assert report.schedule is not None
    assert (report.schedule.every, report.schedule.jitter) == (90, 60)
    (report,) = loads_reports(GOOD.replace('cron: "0 7 * * mon-fri"', "at: 2026-12-24 12:00:00"))
    assert report.schedule is not None
    assert report.schedule.at == datetime(2026, 12, 24, 12)


def test_not_a_report_at_all(tmp_path) -> None:
    with pytest.raises(SettingsError, match="contains no report"):
        loads_reports("# nothing\n")
    with pytest.raises(SettingsError, match=r"r:1:1: expected a mapping, got \["):
        loads_reports("- 1\n", "r")
    with pytest.raises(SettingsError, match=r"cannot read .*nowhere.yaml: No such file"):
        load_reports(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_reports(tmp_path / "latin.yaml")


def test_on_is_a_word_and_only_true_and_false_are_booleans() -> None:
    document = parse_yaml("{on: [yes, off], a: true, b: False}", "r")
    assert document is not None
    assert document.value == {"on": ["yes", "off"], "a": True, "b": False}
