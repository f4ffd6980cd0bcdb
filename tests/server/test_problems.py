"""Failures as problem+json, with our words."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from schedkit.errors import (
    DeclarationError,
    FileError,
    LedgerError,
    LifeEndedError,
    NotRunningError,
    ParameterError,
    RunFailedError,
    SchedkitError,
)
from schedkit.server.guard import Refusal
from schedkit.server.problems import ProblemError, problem_of, response


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ParameterError("x"), 422),
        (DeclarationError("x"), 422),
        (NotRunningError("x"), 409),
        (RunFailedError("x"), 409),
        (SchedkitError("x"), 409),
        (FileError("x"), 404),
        (LedgerError("x"), 503),
        (LifeEndedError("x"), 503),
        (ProblemError(404, "x"), 404),
        (Refusal(421, "x"), 421),
        (ValueError("secret"), 500),
    ],
)
def test_each_error_has_a_status(error: Exception | Refusal, status: int) -> None:
    assert problem_of(error).status == status


def test_an_error_is_named_and_what_to_do_is_said() -> None:
    problem = problem_of(ParameterError("task 'a': no parameter 'b'", hint="did you mean 'c'?"))
    assert json.loads(response(problem, bytes).body) == {
        "type": "urn:schedkit:ParameterError",
        "title": HTTPStatus(422).phrase,  # Python 3.13 has another
        "status": 422,
        "detail": "task 'a': no parameter 'b'",
        "hint": "did you mean 'c'?",
    }


def test_what_nobody_foresaw_tells_nothing() -> None:
    assert b"secret" not in response(problem_of(ValueError("secret")), bytes).body


def test_who_lacks_a_token_is_told_which_kind() -> None:
    answer = response(problem_of(Refusal(401, "x")), bytes)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
