"""YAML is read with its places, and nothing hostile gets through."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schedkit.errors import SettingsError
from schedkit.values.limits import MAX_YAML_NODES
from schedkit.values.parsers import Reads, duration
from schedkit.values.yaml import Document, explain, parse_yaml, parse_yaml_all


def parsed(text: str) -> Document:
    document = parse_yaml(text, "f.yaml")
    assert document is not None
    return document


def test_every_key_knows_its_line_and_column() -> None:
    document = parsed("a:\n  b: 1\n  c:\n    - x: 1\n      y: 2\n")
    assert document.where(("a", "b")) == "f.yaml:2:3"
    assert document.where(("a", "c", 0, "y")) == "f.yaml:5:7"
    assert document.where(("a", "c", 0, "gone")) == "f.yaml:4:7"
    assert document.where(("gone",)) == "f.yaml:1:1"
    assert Document(None, "f.yaml", {}).where(("a",)) == "f.yaml"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: [yes, no, off]", {"on": ["yes", "no", "off"]}),
        ("[true, False]", [True, False]),
        ("[10:30, 1:30:00]", ["10:30", "1:30:00"]),
        ("[1, -2, 0x10, 1_000, 1.5, 1e3, -.5, .inf]", [1, -2, 16, 1000, 1.5, 1000.0, -0.5, float("inf")]),
        ("x: &x {a: 1}\ny: {<<: *x, b: 2}", {"x": {"a": 1}, "y": {"a": 1, "b": 2}}),
        ("text: |\n  a: b: c\n", {"text": "a: b: c\n"}),
    ],
)
def test_values_mean_what_people_write(text: str, value: Any) -> None:
    assert parsed(text).value == value


def test_several_documents_and_none() -> None:
    assert parse_yaml("", "f.yaml") is None
    assert [each.value for each in parse_yaml_all("a: 1\n---\n---\nb: 2\n", "f.yaml")] == [{"a": 1}, {"b": 2}]
    with pytest.raises(SettingsError, match="holds 2 documents"):
        parse_yaml("a: 1\n---\nb: 2\n", "f.yaml")


ALIASES = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", r"f\.yaml:1:5: mapping values are not allowed here \(fix the YAML syntax\)"),
        ("a: 1\na: 2", r"f\.yaml:2:1: key 'a' appears twice"),
        ("a: &a [*a]", r"f\.yaml:1:4: an alias refers to the value that contains it"),
        ("a: &a {b: *a}", "an alias refers to the value that contains it"),
        (ALIASES, rf"more than {MAX_YAML_NODES:,} values, aliases included"),
        ("[" * 600, r"f\.yaml:1:51: nested deeper than 50 levels"),
        (
            "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a" + "]" * 40,
            "nested deeper than 50 levels",
        ),
        ("? {a: b}\n: c", r"f\.yaml:1:3: a key is a list or a mapping"),
        ("n: " + "9" * 5000, "5000 digits"),
        ("d: 2025-02-31", "day is out of range.*put it in quotes"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: \x01", r"f\.yaml:1: character .* is not allowed in YAML"),
        ("<<: 1", "expected a mapping"),
        ("a: *gone", "found undefined alias"),
        ("a: [1", "expected ',' or ']'"),
        ("\ta: 1", "a tab, which YAML does not know"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        parse_yaml(text, "f.yaml")
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("f.yaml")


@given(st.text(alphabet=" \n\t-:[]{}&*!|>'\"%@`,?#abc019.\x00\u2028<~", max_size=60))
def test_any_text_is_a_value_or_one_error(text: str) -> None:
    try:
        list(parse_yaml_all(text, "f.yaml"))
    except SettingsError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: Annotated[int, Field(ge=0)] = 1
    pause: Annotated[float, Reads(duration())] = 0.0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner = Inner()
    by_name: dict[str, Inner] = {}
    listed: list[Inner] = []
    at: datetime | None = None
    pause: Annotated[float, Reads(duration())] = 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam: x", r"f\.yaml:1:1: unknown option 'nam', and 1 more problem \(did you mean 'name'\?\)"),
        ("name: x\ninner: {sise: 1}", r"f\.yaml:2:9: inner: unknown option 'sise' \(did you mean 'size'"),
        ("name: x\nby_name: {k: {sise: 1}}", r"by_name\.k: unknown option 'sise' \(did you mean 'size'"),
        ("name: x\nlisted: [{sise: 1}]", r"listed\.0: unknown option 'sise' \(did you mean 'size'"),
        ("name: x\nzzz: 1", r"unknown option 'zzz' \(known: name, inner, by_name, listed"),
        ("name: x\ninner: {size: big}", r"f\.yaml:2:9: inner.size: write a whole number"),
        ("name: x\ninner: {size: -1}", r"f\.yaml:2:9: inner.size: write a number that is at least 0"),
        ("name: x\ninner: 5", r"f\.yaml:2:1: inner: write a mapping of names to values"),
        ("name: x\nlisted: 5", r"f\.yaml:2:1: listed: write a list: - …"),
        ("name: x\nat: noon", r"f\.yaml:2:1: at: write a moment such as 2026-11-30T07:00"),
        ("name: 5", r"f\.yaml:1:1: name: write text"),
        ("inner: {}", r"f\.yaml:1:1: name is missing \(write name: …\)"),
        ("name: x\npause: soon", r"f\.yaml:2:1: pause: invalid duration 'soon' \(use e\.g\."),
        ("name: x\ninner: {pause: -1}", r"f\.yaml:2:9: inner\.pause=-1 \(at least 0s\)"),
    ],
)
def test_a_key_that_does_not_fit_a_model(text: str, message: str) -> None:
    document = parsed(text)
    with pytest.raises(ValidationError) as refused:
        Outer(**document.value)
    told = str(explain(refused.value, document.where, Outer))
    assert re.search(message, told)
    assert "Input should" not in told
    assert "\n" not in told
