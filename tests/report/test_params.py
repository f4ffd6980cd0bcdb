"""Parameters of a report: read by their types, put in, and one report for each of several."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any, Literal

import pytest

from schedkit.errors import ParameterError, SettingsError
from schedkit.report import Param, Report, loads_reports
from schedkit.report.params import param_of, read_params, signature_of

YAML = """\
name: bugs
params:
  project: KAFKA
  least: {type: integer, default: 3}
  kinds: {type: list, default: [Bug], choices: [Bug, Story]}
extract: {site: demo, jql: 'project = {{ project }} AND type in ({{ kinds }})', limit: '{{ least }}'}
shape:
  - filter: Points > {{ least }} and Project == {{ project }}
deliver:
  - excel: {path: 'out/{{ project }}-{date:%Y}.xlsx', title: 'Bugs of {{ project }}'}
"""


def one(text: str) -> Report:
    (report,) = loads_reports(text, "r")
    return report


def test_values_are_put_in_as_each_place_needs_them() -> None:
    report = one(YAML)
    assert report.extract["issues"].jql == 'project = "KAFKA" AND type in ("Bug")'
    assert report.extract["issues"].limit == 3
    assert report.shape[0].filter == "Points > 3 and Project == 'KAFKA'"
    excel = report.deliver[0].excel
    assert excel is not None
    assert (excel.path, excel.title) == ("out/KAFKA-{date:%Y}.xlsx", "Bugs of KAFKA")
    other = report.bound({"project": 'A" OR key > "B', "kinds": "Bug, Story", "least": "7"})
    assert other.extract["issues"].jql == 'project = "A\\" OR key > \\"B" AND type in ("Bug", "Story")'
    assert other.shape[0].filter == "Points > 7 and Project == 'A\" OR key > \"B'"
    assert other.values == {"project": 'A" OR key > "B', "kinds": ["Bug", "Story"], "least": 7}
    assert other.code == report.code
    assert report.bound({}) is report


def test_a_value_inside_quotes_stays_inside() -> None:
    text = YAML.replace("{{ project }} AND", '"{{ project }}" AND').replace(
        "== {{ project }}", "== '{{ project }}'"
    )
    report = one(text).bound({"project": "A' or \"B"})
    assert report.extract["issues"].jql == 'project = "A\\\' or \\"B" AND type in ("Bug")'
    assert report.shape[0].filter == "Points > 3 and Project == 'A\\' or \\\"B'"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"projct": "A"}, r"report 'bugs': unknown parameter 'projct' \(did you mean 'project'\?\)"),
        ({"least": "many"}, r"report 'bugs': least='many' \(a whole number"),
        ({"kinds": ["Epic"]}, r"kinds=\['Epic'\] \(one of Bug, Story\)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        one(YAML).bound(given)


def test_a_required_parameter_is_asked_for() -> None:
    report = one(YAML.replace("project: KAFKA", "project:"))
    with pytest.raises(ParameterError, match=r"needs the parameter 'project' .give it: -p project="):
        report.bound({})
    assert report.bound({"project": "SPARK"}).extract["issues"].jql.startswith('project = "SPARK"')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("'{{ least }}'", "'{{ leest }}'"),
            r"r:6:\d+: extract.limit: unknown placeholder \{\{ leest \}\} .*'least'",
        ),
        (("'{{ least }}'", "'{{ project }}'"), r"r:6:\d+: extract.limit: write a whole number"),
        (
            ("project: KAFKA", "project: {typ: string}"),
            r"r:3:13: params.project: unknown option 'typ'.*did you mean 'type'",
        ),
        (("project: KAFKA", "run: KAFKA"), r"r:2:1: params: name='run'"),
        (("default: 3", "default: three"), r"r:4:3: params.least: default='three'.*\(a whole number"),
        (("project: KAFKA", "project: {a: {b: c}}"), "params.project: unknown option"),
        (
            ("title: 'Bugs of {{ project }}'", "title: '${NO_SUCH_THING}'"),
            r"r:10:\d+: .*title: \$\{NO_SUCH_THING\} is not set",
        ),
        (
            ("'project = {{ project }} AND type in ({{ kinds }})'", "{{ project }}"),
            r"r:6:\d+: a key is a list or a mapping.*quotes",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(change: tuple[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        one(YAML.replace(*change))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("{{ project }}.xlsx", "/tmp/x", r"'/tmp/x\.xlsx' leaves its folder .give parameters that are names"),
        ("{{ project }}/bugs.xlsx", "", "'/bugs.xlsx' leaves its folder"),
        ("{{ project }}.xlsx", "C:\\x", "leaves its folder"),
        ("{{ project }}.xlsx", "\\\\host\\share\\x", "leaves its folder"),
        ("out/{{ project }}.xlsx", "../../x", "leaves its folder"),
        ("/srv/{{ project }}.xlsx", "../etc/x", "leaves its folder"),
        ("out/.{{ project }}.xlsx", "./x", "leaves its folder"),
        ("out/{{ project }}.xlsx", "{date:%Y}", r"braces in '\{date:%Y\}', part of a path"),
    ],
)
@pytest.mark.parametrize("option", ["path", "template"])
def test_a_value_does_not_lead_a_path_elsewhere(path: str, value: str, message: str, option: str) -> None:
    options = f"path: 'a.xlsx', {option}: '{path}'" if option != "path" else f"path: '{path}'"
    text = YAML.replace("path: 'out/{{ project }}-{date:%Y}.xlsx'", options)
    with pytest.raises(SettingsError, match=message):
        one(text).bound({"project": value})


@pytest.mark.parametrize("path", ["/srv/{{ project }}.xlsx", "out/{{ project }}.xlsx", "{{ project }}.xlsx"])
def test_a_value_may_name_a_file_and_a_folder(path: str) -> None:
    report = one(YAML.replace("out/{{ project }}-{date:%Y}.xlsx", path)).bound({"project": "a/b.c, d"})
    assert report.deliver[0].options["path"] == path.replace("{{ project }}", "a/b.c, d")


def test_variables_are_put_in_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM", 'Data "A"')
    report = one(YAML.replace("AND type", "AND team = ${TEAM} AND type").replace("Bugs of", "${TEAM}:"))
    assert 'team = "Data \\"A\\""' in str(report.extract["issues"].jql)
    assert report.deliver[0].options["title"] == 'Data "A": KAFKA'
    assert "${TEAM}" in report.code
    assert "Data" not in report.code


def test_one_report_for_each_value() -> None:
    reports = loads_reports(YAML + "for_each: {project: [KAFKA, SPARK], area: [ui]}\n")
    assert [report.name for report in reports] == ["bugs-KAFKA-ui", "bugs-SPARK-ui"]
    assert [report.values["project"] for report in reports] == ["KAFKA", "SPARK"]
    named = loads_reports(
        YAML.replace("name: bugs", "name: '{{ project }} bugs'") + "for_each: {project: [A, B]}\n"
    )
    assert [report.name for report in named] == ["A bugs", "B bugs"]


@pytest.mark.parametrize("values", ["KAFKA", "[]", "[A, A]", "{a: 1}"])
def test_for_each_wants_values(values: str) -> None:
    with pytest.raises(SettingsError, match=r"r:9:1: for_each: project="):
        loads_reports(YAML.replace("deliver:", f"for_each: {{project: {values}}}\ndeliver:"), "r")


def test_each_value_of_for_each_fits() -> None:
    text = YAML.replace("deliver:", "for_each: {least: [1, many]}\ndeliver:")
    with pytest.raises(SettingsError, match=r"r:9:23: for_each.least.1: least='many' .a whole number"):
        loads_reports(text, "r")
    made = loads_reports(YAML + "for_each: {least: [1, '2']}\n")
    assert [report.extract["issues"].limit for report in made] == [1, 2]
    assert made[1].bound({"least": 5}).extract["issues"].limit == 5


def test_every_type_is_read_from_text_and_from_values() -> None:
    params = {
        "text": Param(default="x"),
        "whole": Param(type="integer", default=1),
        "part": Param(type="number", default=0.5),
        "on": Param(type="boolean", default=False),
        "day": Param(type="date", default=date(2026, 3, 1)),
        "list": Param(type="list", default=["a"]),
    }
    given = {"text": 7, "whole": "-5", "part": "0.25", "on": "true", "day": "2026-12-24", "list": "a, b"}
    assert read_params(params, given, "r") == {
        "text": "7", "whole": -5, "part": 0.25, "on": True, "day": "2026-12-24", "list": ["a", "b"]
    }  # fmt: skip
    assert read_params(params, {}, "r")["day"] == "2026-03-01"


def test_the_signature_is_that_of_the_parameters() -> None:
    params = {"project": Param(default="A", choices=("A", "B")), "least": Param(type="integer")}
    signature = signature_of(params)
    assert signature.parameters["project"].annotation == Literal["A", "B"]
    assert signature.parameters["project"].default == "A"
    assert signature.parameters["least"].default is inspect.Parameter.empty


def test_defaults_that_are_no_parameters() -> None:
    assert param_of({"a": 1}) is None
    assert param_of([1, 2]) is None
    assert param_of(("a", "b")) == Param(type="list", default=["a", "b"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("[1]", "params: it is not a mapping .write project:"),
        ("{a: [1, 2]}", r"params: a=\[1, 2\] .a default: a text, a number"),
        ("{a: {type: string, default: true}}", "params.a: default=True .write text"),
        ("{a: {type: number, default: .nan}}", "params.a: default=nan .a number"),
        ("{a: {type: date, default: soon}}", "params.a: default='soon' .a day such as"),
        ("{a: {type: boolean, default: 'perhaps'}}", "params.a: default='perhaps' .True or False"),
        ("{a: {type: list, default: [1]}}", r"params.a: default=\[1\]"),
        ("{a: {type: text}}", "params.a.type: write one of"),
        ("{a: {default: x, choices: [y]}}", "params.a: default='x' .one of y"),
        ("{a: {type: integer, choices: [y]}}", "params.a: choices='y' .a whole number"),
        ("{2: x}", "params: name=2"),
    ],
)
def test_what_is_no_parameter(params: str, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"^r:2:\d+: {message}"):
        one(f"name: r\nparams: {params}\nextract: {{file: a.csv}}\ndeliver: [{{csv: {{path: a.csv}}}}]")


def test_a_required_parameter_is_checked_with_its_first_choice() -> None:
    text = "name: r\nparams: {{a: {}}}\nextract: {{file: '{{{{ a }}}}.csv'}}\ndeliver: [csv: {{path: a.csv}}]"
    assert one(text.format("{choices: [x, y]}")).extract["issues"].file == "x.csv"
    assert one(text.format("{type: list, choices: [x, y]}")).extract["issues"].file == "x.csv"
    assert one(text.format("2026-03-01")).params["a"].type == "date"
    assert one(text.format("false")).bound({"a": "true"}).extract["issues"].file == "True.csv"
