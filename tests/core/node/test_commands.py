"""What somebody asks for is the same value after the ledger kept it."""

from __future__ import annotations

import pytest

from schedkit.core.node.commands import (
    BackfillTask,
    CancelRun,
    Command,
    PauseTask,
    RemoveTask,
    RescheduleTask,
    ResumeTask,
    SubmitRun,
    read_command,
)
from schedkit.core.text import dump, load
from schedkit.errors import SchedkitError

COMMANDS: list[Command] = [
    SubmitRun(task="t", run="r", params={"n": 1, "names": ["é"]}, actor="ann"),
    SubmitRun(task="t", run="r", retry_of="before", actor="ann"),
    CancelRun(run="r", task="t", actor="ann"),
    PauseTask(task="t", actor="ann"),
    PauseTask(actor="ann"),
    ResumeTask(task="t", actor="ann"),
    RemoveTask(task="t", actor="ann"),
    RescheduleTask(task="t", trigger=None, actor="ann"),
    BackfillTask(task="t", start=1, end=2, actor="ann"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_the_ledger_gives_back_what_it_was_given(command: Command) -> None:
    assert read_command(command.kind, load(dump(command.data)), command.actor) == command


def test_the_cause_of_a_run_tells_a_retry() -> None:
    assert [command.cause for command in COMMANDS if isinstance(command, SubmitRun)] == ["submit", "retry"]


def test_what_is_no_command_is_refused_by_name() -> None:
    with pytest.raises(SchedkitError, match=r"no command is called 'dance' .known are submit, cancel"):
        read_command("dance", {}, "ann")
    with pytest.raises(SchedkitError, match=r"the command 'backfill' cannot be read: it has no start"):
        read_command("backfill", {"task": "t"}, "ann")
    with pytest.raises(SchedkitError, match="'cancel' cannot be read: run is a whole number"):
        read_command("cancel", {"run": 5}, "ann")
