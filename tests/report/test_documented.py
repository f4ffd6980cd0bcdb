"""What Shift-Tab shows of the models of reports."""

from __future__ import annotations

import inspect

import pytest

from schedkit.report import Check, Deliver, Report, Schedule, report_schema
from schedkit.report.models import Strict


def every_model(base: type[Strict] = Strict) -> list[type[Strict]]:
    return [each for model in base.__subclasses__() for each in (model, *every_model(model))]


def test_signatures_have_types_and_no_words_of_pydantic() -> None:
    models = every_model()
    assert {Report, Check, Deliver, Schedule} <= set(models)
    for model in models:
        text = str(inspect.signature(model))
        assert not [word for word in ("Annotated", "FieldInfo", "Reads", "Validator") if word in text], model
    assert "min_rows: int | None = None" in str(inspect.signature(Check))
    assert "task: ReportTask = ReportTask()" in str(inspect.signature(Report))


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (Check, "min_rows : int | None, default None\n    The fewest rows.\n"),
        (Schedule, "any_of : tuple[Schedule, ...] | None, default None\n    Whenever one of several"),
        (Report, "name : str\n    The name of the task"),
        (Deliver, "notify : MessageDelivery | None, default None\n    Send a message: "),
    ],
)
def test_each_field_has_a_line(model: type[Strict], line: str) -> None:
    assert line in (model.__doc__ or "")


def test_examples_stay_and_the_schema_has_the_sentence_alone() -> None:
    assert ">>> report = Report.of(" in (Report.__doc__ or "")
    described = report_schema()["$defs"]["Check"]["description"]
    assert described == "One thing that must hold before anything is delivered."
