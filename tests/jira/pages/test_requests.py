"""Requests and the order in which they are sent, without a socket."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.pages.requests import (
    EMPTY_PAGES,
    EMPTY_TOKENS,
    by_ids,
    token_pages,
    token_request,
    window_pages,
    window_request,
)
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.reader import Page


def page(ids: list[int], **more: Any) -> Page:
    return Page(Batch(np.array(ids, dtype=np.int64), np.zeros(len(ids), np.int64), {}), **more)


def read(body: object) -> Page:
    """Decode nothing: no request of these tests is sent."""
    return page([])


by_token = partial(token_request, "a = b", ["id"], 50, read, CLOUD)
by_window = partial(window_request, "a = b", ["id"], read, DATA_CENTER)


def token(request: Request) -> str | None:
    found: str | None = request.json.get("nextPageToken")
    return found


def window(request: Request) -> tuple[int, int]:
    return request.json["startAt"], request.json["maxResults"]


def test_tokens_lead_from_page_to_page() -> None:
    pages = token_pages(by_token)
    first = next(pages)
    assert (first.path, token(first)) == ("/rest/api/3/search/jql", None)
    assert first.json == {"jql": "a = b", "maxResults": 50, "fields": ["id"]}
    assert token(pages.send(page([1], token="a"))) == "a"
    assert token(pages.send(page([], token="b"))) == "b"
    with pytest.raises(StopIteration):
        pages.send(page([2]))


def test_a_paging_by_tokens_ends_when_it_is_enough() -> None:
    taken: list[int] = []
    pages = token_pages(by_token, lambda: len(taken) >= 2)
    next(pages)
    taken.append(1)
    assert token(pages.send(page([1], token="a"))) == "a"
    taken.append(2)
    with pytest.raises(StopIteration):
        pages.send(page([2], token="b"))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([page([], token=str(number)) for number in range(EMPTY_TOKENS)], "100 pages without an issue"),
        ([page([1], token="a"), page([2], token="a")], "repeats the page token after page 2"),
        ([page([1], last=False)], "page 1 is not the last, but has no token"),
    ],
)
def test_a_paging_by_tokens_that_would_not_end_is_refused(answers: list[Page], words: str) -> None:
    pages = token_pages(by_token)
    next(pages)
    for answer in answers[:-1]:
        pages.send(answer)
    with pytest.raises(BadAnswerError, match=words):
        pages.send(answers[-1])


def test_what_is_missing_of_a_window_is_asked_again() -> None:
    pages = window_pages(10, 20, by_window)
    assert window(next(pages)) == (10, 10)
    assert window(pages.send(page([1, 2, 3, 4], start=10, total=30))) == (14, 6)
    assert window(pages.send(page([], start=14, total=30))) == (14, 6)
    assert window(pages.send(page([5], start=14, total=30))) == (15, 5)
    with pytest.raises(StopIteration):
        pages.send(page([], start=15, total=15))


def test_empty_pages_are_counted_in_a_row_only() -> None:
    pages = window_pages(0, 9, by_window)
    next(pages)
    for start in range(4):
        for _ in range(EMPTY_PAGES - 1):
            assert window(pages.send(page([], start=start, total=30))) == (start, 9 - start)
        assert window(pages.send(page([start], start=start, total=30))) == (start + 1, 8 - start)
    for _ in range(EMPTY_PAGES - 1):
        pages.send(page([], start=4, total=30))
    with pytest.raises(BadAnswerError, match="the page from issue 4 is empty although the site counts 30"):
        pages.send(page([], start=4, total=30))


def test_another_window_than_asked_is_refused() -> None:
    pages = window_pages(0, 5, by_window)
    next(pages)
    with pytest.raises(BadAnswerError, match="asked from issue 0, the site answered from 5"):
        pages.send(page([1], start=5, total=9))


def test_issues_by_id_take_one_request_on_cloud_and_as_many_as_its_pages_on_data_center() -> None:
    cloud = by_ids([3, 1], ["id"], read, CLOUD)
    assert next(cloud).json == {"issueIdsOrKeys": ["3", "1"], "fields": ["id"]}
    with pytest.raises(StopIteration):
        cloud.send(page([3, 1]))
    server = by_ids(["A-1", "A-2", "A-3"], ["id"], read, DATA_CENTER)
    first = next(server)
    assert first.json["jql"] == 'key in ("A-1", "A-2", "A-3") ORDER BY key ASC'
    assert first.json["validateQuery"] is False, "keys that do not exist are no error"
    assert window(server.send(page([1, 2], start=0, total=3))) == (2, 1)
    with pytest.raises(StopIteration):
        server.send(page([3], start=2, total=3))
