"""YAML in, frozen values or one clear line out."""

from __future__ import annotations

import pytest

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
    assert report.extract.site == ("demo",)
    assert report.extract.source == "jql"
    assert report.shape[0].sort == ("-Updated",)
    assert report.deliver[0].to == "excel"
    assert report.schedule is not None
    assert report.schedule.cron == "0 7 * * mon-fri"


def test_several_documents_are_several_reports() -> None:
    assert len(loads_reports(GOOD + "---\n" + GOOD.replace("open-bugs", "other") + "---\n")) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: open-bugs", "nam: open-bugs"), r"r:1: unknown key 'nam': did you mean 'name'\?"),
        (("jql: type = Bug", "jlq: type = Bug"), r"r:3: unknown key 'extract.jlq': did you mean 'jql'\?"),
        (("sort: [-Updated]", "sortt: [x]"), r"r:5: unknown key 'shape.0.sortt': did you mean 'sort'\?"),
        (("jql: type = Bug", "jql: a, root: A-1"), r"r:3: extract: write exactly one of: jql, project"),
        (("cron: ", "every: 1h, cron: "), r"r:2: schedule: write exactly one of: cron, every, at"),
        (
            ("excel: {path", "excl: {path"),
            r"r:7: deliver: there is no deliverer 'excl' \(did you mean 'excel'",
        ),
        (("excel: {path", "excel: {pth"), r"r:7: deliver.excel: unknown key 'pth': did you mean 'path'"),
        (("excel: {path: out.xlsx}", "excel: 3"), r"r:7: deliver.0: write one deliverer with its options"),
        (("name: open-bugs", "name: a\nname: b"), r"r:2: 'name' stands here a second time"),
        (("name: open-bugs", "name: ["), r"r:\d: .*\(the file is not YAML\)"),
        (("name: open-bugs", "name: \x01"), r"r: .*\(the file is not YAML\)"),
        (("name: open-bugs", "name: ''"), r"r:1: name: String should match pattern"),
        (("name: open-bugs", "nothing: 1\nelse: 2"), r"r:1: (unknown key 'nothing'|name).*\(and 2 more\)"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(change: tuple[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        loads_reports(GOOD.replace(*change), "r")
    assert "\n" not in str(caught.value)


def test_not_a_report_at_all(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SettingsError, match="holds no report"):
        loads_reports("# nothing\n")
    with pytest.raises(SettingsError, match=r"r:1: a report is a mapping, this is a list"):
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
