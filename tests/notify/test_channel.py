"""Channels: which notices they take, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schedkit.errors import SettingsError
from schedkit.notify import Channel, Notifier


@pytest.mark.parametrize("every", ["5m", 300, "300"])
def test_pauses_are_durations(every: Any) -> None:
    assert Channel("CHAT", every=every).pause == 300.0


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Channel("mmost://host/token"), "named by an environment variable, not by an address"),
        (lambda: Channel("CHAT", on=["burnt"]), "unknown kind of notification 'burnt'"),
        (lambda: Channel("CHAT", templates={"burnt": "x"}), "unknown kind of notification 'burnt'"),
        (lambda: Channel(5), "named by an environment variable"),
        (lambda: Channel("CHAT", on="failed"), "channel CHAT: on='failed' is not a list"),
        (lambda: Channel("CHAT", on=[["failed"]]), "unknown kind of notification"),
        (lambda: Channel("CHAT", tasks=5), "channel CHAT: tasks=5 is not a list"),
        (lambda: Channel("CHAT", templates=["x"]), r"channel CHAT: templates=\['x'\] is not a mapping"),
        (lambda: Notifier("CHAT"), "channels='CHAT' is not a list of channels"),
        (lambda: Notifier([], environ="CHAT"), "environ= is not a mapping of variables"),
        (lambda: Notifier(["CHAT"]), r"channels=\['CHAT'\] is not a list of channels"),
        (lambda: Channel("CHAT", every=-1), "channel CHAT: every=-1 .at least 0s"),
        (lambda: Notifier([Channel("NOT_SET")], environ={}), "the environment variable NOT_SET is not set"),
        (
            lambda: Notifier([Channel("CHAT")], environ={"CHAT": "nonsense://s3cret"}),
            "CHAT is not a URL that Apprise",
        ),
    ],
)
def test_channels_that_cannot_be(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        make()
    assert "s3cret" not in str(caught.value)
    assert "token" not in str(caught.value)
