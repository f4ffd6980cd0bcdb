"""What Cloud and Data Center call the same things."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.confluence.site.dialects import CLOUD, DATA_CENTER, Dialect, data_center, state_of, version_in
from schedkit.errors import BadAnswerError

PAGE: dict[str, Any] = {
    "id": 5, "title": "Open bugs", "version": {"number": 3}, "body": {"storage": {"value": "<p />"}},
}  # fmt: skip
ALLOWED = [{"operation": "read"}, {"operation": "update"}]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("current", None, False)),
        ({"status": "TRASHED"}, ("trashed", None, False)),
        ({"subtype": "live"}, ("current", None, True)),
        ({"operations": ALLOWED}, ("current", True, False)),
        ({"operations": {"results": ALLOWED[:1]}}, ("current", False, False)),
        ({"operations": []}, ("current", None, False)),
        ({"operations": ALLOWED[:1] * 50}, ("current", None, False)),
    ],
)
def test_the_state_of_a_page(more: dict[str, Any], expected: tuple[str, bool | None, bool]) -> None:
    state = state_of({**PAGE, **more}, "https://w.example.org")
    assert (state.status, state.editable, state.live) == expected
    assert (state.name, state.version, state.url) == ("page 5 ('Open bugs')", 3, "https://w.example.org")


@pytest.mark.parametrize("answer", [None, [], {}, {**PAGE, "version": {}}, {**PAGE, "body": "x"}])
def test_what_is_no_page(answer: Any) -> None:
    with pytest.raises(BadAnswerError, match="not a page with a version and a storage body"):
        state_of(answer, "")


@pytest.mark.parametrize("answer", [None, {}, {"version": {"number": "x"}}])
def test_an_answer_without_a_version(answer: Any) -> None:
    assert version_in(answer) is None


@pytest.mark.parametrize("dialect", [CLOUD, DATA_CENTER, data_center("/wiki")])
def test_a_put_names_the_next_version_and_leaves_the_rest(dialect: Dialect) -> None:
    request = dialect.write(state_of(PAGE, ""), "<p>new</p>", "why", quiet=True)
    assert request.path == dialect.page.format(5)
    assert (request.json["version"]["number"], request.json["version"]["message"]) == (4, "why")
    assert not {"space", "ancestors", "spaceId", "parentId"} & set(request.json)


def test_only_a_data_center_is_asked_for_its_trash() -> None:
    assert CLOUD.read_trashed("5") is None
    asked = data_center("/wiki").read_trashed("5")
    assert asked is not None
    assert asked.path == "/wiki/rest/api/content/5"
    assert asked.params["status"] == "trashed"
