"""What people pass to the public calls of Confluence: another kind ends in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from schedkit.atlassian import Site
from schedkit.confluence import Chart, Confluence, Look, Managed, latest_runs
from schedkit.errors import FileError, UsageError

FRAME = pd.DataFrame({"Key": ["K-1"], 5: ["x"]})
HALF = "half \ud83d"


def wiki() -> Confluence:
    return Confluence("https://wiki.example.org", token="s", cloud=False)


def managed(**options: Any) -> None:
    wiki().publish("T", parent=1, template="<p>{{ t }}</p>", values={"t": Managed(FRAME, **options)})


@pytest.mark.parametrize("option", ["missing", "links", "lozenges", "mentions", "workbook"])
def test_a_frame_in_place_of_an_option(option: str) -> None:
    with pytest.raises(UsageError, match=f"{option}="):
        wiki().page(1).table("nth:1").replace(FRAME, **{option: FRAME.head(0)})


@pytest.mark.parametrize("option", ["cap", "min_rows", "max_chars"])
@pytest.mark.parametrize("value", [int, "10", 1.5, True, -1, None])
def test_numbers(option: str, value: Any) -> None:
    if option == "cap" and value is None:
        return
    with pytest.raises(UsageError, match=f"{option}=.* is not a whole number of at least"):
        wiki().page(1).table("nth:1").replace(FRAME, **{option: value})


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: Confluence("https://w.example.org", user=5, token="s"), "the user is not a text"),
        (lambda: Confluence("https://w.example.org", token=[1]), "the token is not a text"),
        (lambda: Confluence("https://w.example.org", token=FRAME), "the token is not a text"),
        (
            lambda: Confluence("https://w.example.org", token="s", cloud="no"),
            "cloud='no' is not True or False",
        ),
        (lambda: Confluence(site="https://w.example.org"), "is not a Site"),
        (lambda: Site("https://w.example.org", token=b"secret"), "the token is not a text"),
        (lambda: wiki().publish(HALF, parent=1, template="<p />", values={}), "holds half of a character"),
        (lambda: wiki().publish("T", key=HALF, parent=1, template="<p />", values={}), "half of a character"),
        (lambda: latest_runs(5), "rows=5 is not a list"),
        (lambda: latest_runs([5]), "a run without task or state"),
        (lambda: latest_runs([], lately="10"), "lately='10' is not a whole number"),
        (lambda: Look(dates=["A"], tz="UTC", show_zone=1), "show_zone=1 is not True or False"),
        (lambda: wiki().page(1).table("nth:1").replace(FRAME, key=True), "key=True is not a list"),
        (lambda: wiki().page(1).attach("/tmp", name=5), "name=5 is not a text"),
        (lambda: wiki().page(1).attach(__file__, name=HALF), "invalid attachment name"),
    ],
)
def test_another_kind_is_one_sentence(call: Callable[[], object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        call()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("missing", ["mark", "archive"])
def test_rows_that_are_marked_or_archived_need_a_key(missing: Any) -> None:
    with pytest.raises(UsageError, match=f'missing="{missing}" needs a key'):
        wiki().page(1).table("nth:1").replace(FRAME, missing=missing)


def test_the_look_of_a_managed_frame() -> None:
    with pytest.raises(UsageError, match=r"look=.* is not a Look"):
        Managed(FRAME, look={"dates": 1}).rendered(True)


def test_paths_that_no_system_has() -> None:
    with pytest.raises(FileError, match="cannot read"):
        Chart(HALF + ".png", alt="x")
    with pytest.raises(FileError, match="cannot read"):
        wiki().page(1).attach(HALF)


def test_a_number_may_be_a_column() -> None:
    rendered, rules = Managed(FRAME, key=5).rendered(True)
    assert (rendered.keys, rules.keys) == (["x"], ("5",))
