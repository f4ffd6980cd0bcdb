"""Whatever YAML says, a report is a valid object or one line with its place; never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schedkit.errors import SchedkitError, SettingsError
from schedkit.report import NotebookReport, Report, Shape, loads_reports
from schedkit.report.frames import Frames
from schedkit.report.shape import shape_frames

GOOD: dict[str, Any] = {
    "name": "r",
    "params": {"project": "A", "least": {"type": "integer", "default": 3}},
    "for_each": {"project": ["A", "B"]},
    "schedule": {"any_of": [{"cron": "@daily"}, {"calendar": {"weeks": 1, "at": "07:00"}}], "jitter": "5s"},
    "task": {"timeout": "5m", "retry": {"attempts": 3}, "tags": ["a"], "after": "other"},
    "extract": {
        "bugs": {"site": "a", "jql": "b = {{ project }}", "limit": "{{ least }}"},
        "log": {"changelog": "bugs"},
    },
    "shape": [
        {"group": {"by": "Type", "values": {"Key": "count", "Old": {"Age": "p85"}}}},
        {"pivot": {"rows": "Type", "columns": "Status"}},
        {"join": {"with": "bugs", "on": {"Key": "Key"}}},
        {"metrics": {"cycle_times": {"start": "Doing"}, "add": ["Cycle"]}},
    ],
    "check": [{"max_drop": "50%"}, {"expect": {"a": "b > 1"}}],
    "deliver": [
        {"excel": {"path": "{name}.xlsx", "images": {"A1": {"path": "x.png"}}}},
        {"confluence": {
            "site": "w", "page": {"title": "T", "space": "S"}, "region": "nth:1",
            "chart": {"alt": "x", "count_by": "Type"},
        }},
        {"notify": {"channel": "X", "rows": 3}},
    ],
}  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if above:
        yield above
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*above, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*above, number))


def replaced(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    target: Any = document
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    return document


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**30, 10**31), st.floats(), st.dates(),
    st.text(max_size=12), st.sampled_from(["{{ project }}", "{{ x }}", "${NO_SUCH}", "{0}", "%", "\ud800"]),
    st.sampled_from(["0 7 * * *", "a:b", "-1h"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=6), st.sampled_from(["site", "jql", "type", "default"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def refusal(make: Callable[[], object]) -> str:
    """Return what an error of ours says; empty if there is none."""
    try:
        make()
    except SettingsError as error:
        return str(error)
    return ""


@given(st.sampled_from(list(places(GOOD))), values)
def test_one_value_replaced_by_anything(place: tuple[Any, ...], value: Any) -> None:
    error = refusal(lambda: Report.of(replaced(place, value)).each())
    assert "\n" not in error
    assert len(error) < 2000


@given(values)
def test_anything_for_a_report(value: Any) -> None:
    for model in (Report, NotebookReport):
        document = value if isinstance(value, dict) else {"name": value, "notebook": value, "deliver": value}
        with pytest.raises(SettingsError):
            model.of(document)


@given(st.text(max_size=200))
def test_any_text_for_yaml(text: str) -> None:
    assert "\n" not in refusal(lambda: loads_reports(text))


@given(st.sampled_from(list(places(GOOD))), values)
def test_what_is_told_in_yaml_has_a_place(place: tuple[Any, ...], value: Any) -> None:
    try:
        text = yaml.safe_dump(replaced(place, value), allow_unicode=True, sort_keys=False)
    except (yaml.YAMLError, UnicodeError):
        return
    error = refusal(lambda: loads_reports(text, "r.yaml"))
    assert not error or error.startswith(("r.yaml", "report "))
    assert "\n" not in error


FRAME = pd.DataFrame(
    {
        "Key": ["A-1", "A-2", None],
        "Points": [1.0, None, 3.0],
        "Tags": [("x",), (), None],
        "At": pd.to_datetime(["2026-01-01T00:00Z", None, "2026-01-03T00:00Z"]),
        "Kind": pd.Categorical(["a", "b", "a"], ordered=True),
    }
)
columns = st.sampled_from([*FRAME.columns, "Nope"])
names = st.one_of(columns, st.lists(columns, max_size=3))
aggregates = st.sampled_from(
    ["count", "sum", "mean", "median", "min", "max", "first", "nunique", "std", "p85"]
)
steps = st.one_of(
    st.fixed_dictionaries({"columns": names}),
    st.fixed_dictionaries({"sort": names}),
    st.fixed_dictionaries({"explode": columns}),
    st.fixed_dictionaries({"count_by": names}),
    st.fixed_dictionaries(
        {"filter": st.sampled_from(["Points > 1", "Key == 'A-1'", "At > '2026-01-02'", "Tags", "1"])}
    ),
    st.fixed_dictionaries(
        {"derive": st.dictionaries(columns, st.sampled_from(["Points * 2", "Key + 1", "x ="]), max_size=2)}
    ),
    st.fixed_dictionaries(
        {
            "group": st.fixed_dictionaries(
                {"by": names, "values": st.dictionaries(columns, aggregates, max_size=2)}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "pivot": st.fixed_dictionaries(
                {
                    "rows": names,
                    "columns": columns,
                    "values": columns,
                    "agg": aggregates,
                    "total": st.booleans(),
                }
            )
        }
    ),
    st.fixed_dictionaries(
        {"join": st.fixed_dictionaries({"with": st.just("other"), "on": names, "many": st.booleans()})}
    ),
    st.fixed_dictionaries({"stack": st.just("other")}),
)


@given(st.lists(steps, min_size=1, max_size=3))
def test_steps_on_a_frame_of_every_type(several: list[dict[str, Any]]) -> None:
    frames = Frames(FRAME, {"other": FRAME.head(2)})
    for each in several:
        try:
            step = Shape.model_validate(each)
        except ValidationError:  # no column at all
            continue
        with suppress(SchedkitError):
            frames = shape_frames(frames, step)
    assert isinstance(frames.current, pd.DataFrame)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "name: &a [*a]",
        "[" * 600,
        "? {a: b}\n: c",
        "name: r\nextract: {site: a, jql: b, limit: " + "9" * 5000 + "}\ndeliver: []",
        "name: !!python/object/apply:os.system [ls]",
        "name: r\nschedule: {at: 2026-02-31}",
        "on:\n  push:\n    branches: [main]\njobs:\n  build:\n    runs-on: x\n    steps: [{uses: a/b@v4}]\n",
        "version: '3'\nservices: {web: {image: nginx, ports: ['80:80']}}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n---\napiVersion: v1\n",
        "- hosts: all\n  tasks: [{name: x, shell: ls}]\n",
        "models:\n  - name: orders\n    columns: [{name: id, tests: [unique, not_null]}]\n",
        "select: [key, 'total as \"Hours\"']\nfrom: issues\nwhere: [labels = a, resolution is null]\n",
        "report:\n  title: Weekly\n  jql: project = X\n  output: {format: xlsx, path: a.xlsx}\n",
        "- name: bugs\n  query: {jql: project = X}\n  schedule: 0 7 * * 1-5\n  outputs: [excel]\n",
        "name: weekly\nschedule: weekly\njql: project = X\nemail: [a@example.org]\n",
        "\x00",
        "name: r\n\tx: 1",
    ],
)
def test_foreign_and_hostile_yaml_ends_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loads_reports(text, "x.yaml")
    assert str(caught.value).startswith("x.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_every_foreign_yaml_of_the_captures_is_refused_or_read(shared_data: Path) -> None:
    files = [
        *shared_data.rglob("*.yaml"),
        *shared_data.rglob("*.yml"),
        *list(shared_data.rglob("*.json"))[:60],
    ]
    assert files
    for path in files:
        if path.stat().st_size > 200_000:
            continue
        with pytest.raises(SettingsError) as caught:
            loads_reports(path.read_text(encoding="utf-8"), path.name)
        assert "\n" not in str(caught.value)
