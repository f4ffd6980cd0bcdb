"""Which answers a client knows, by the rules of RFC 9110."""

from __future__ import annotations

import pytest

from schedkit.server.etags import is_known

TAG = 'W/"90a1871a-1001"'


@pytest.mark.parametrize(
    "known",
    [
        [TAG],
        ['"90a1871a-1001"'],  # as a proxy makes it that changes nothing
        [f'"other", {TAG}'],
        ['"other"', TAG],  # a header given twice is one list
        ["*"],
        [' W/"a,b" ,  W/"90a1871a-1001"'],
    ],
)
def test_an_answer_that_the_client_has(known: list[str]) -> None:
    assert is_known(TAG, known)
    assert is_known(TAG.removeprefix("W/"), known)


@pytest.mark.parametrize("known", [[], [""], ['"90a1871a-1002"'], ["90a1871a-1001"], ['"*"'], ["*, *"]])
def test_an_answer_that_it_has_not(known: list[str]) -> None:
    assert not is_known(TAG, known)
