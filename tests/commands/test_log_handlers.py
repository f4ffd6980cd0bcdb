"""The log of a process without a notebook goes where the settings say, and steers no terminal."""

from __future__ import annotations

import json
import logging
import stat
import sys
import unicodedata
from datetime import datetime
from pathlib import Path

import pytest
from support.run_events import RunEvents

from schedkit.commands.log_handlers import log_as_set
from schedkit.core.node.run_log import log_run
from schedkit.core.states import State
from schedkit.errors import FileError
from schedkit.settings import LogSettings

Output = pytest.CaptureFixture[str]

HOSTILE = "\x1b[31mred\x07 \x9b2J"
log = logging.getLogger("jobs")


def test_to_a_file_that_is_renamed_when_it_is_full(tmp_path: Path, capsys: Output) -> None:
    settings = LogSettings(
        level="DEBUG", filename="logs/app.log", max_bytes=200, backup_count=2, format="%(message)s"
    )
    with log_as_set(settings, tmp_path):
        for number in range(60):
            log.debug("line %d", number)
        log.warning(HOSTILE)
    log.error("afterwards")
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["app.log", "app.log.1", "app.log.2"]
    assert "afterwards" not in (tmp_path / "logs" / "app.log").read_text()
    shown = capsys.readouterr().err
    assert "line" not in shown
    assert "[31mred" in shown.splitlines()[0]
    assert "\x1b" not in shown + (tmp_path / "logs" / "app.log").read_text()


def test_a_record_of_several_lines_does_not_pass_for_several_records(tmp_path: Path, capsys: Output) -> None:
    with log_as_set(LogSettings(filename="app.log", format="%(levelname)s %(message)s"), tmp_path):
        log.warning("first\r\nERROR forged\u2028ERROR forged")
        try:
            raise ValueError("told\nERROR forged")
        except ValueError:
            log.exception("failed")
    for text in (capsys.readouterr().err, (tmp_path / "app.log").read_text()):
        assert [line for line in text.splitlines() if not line.startswith(" ")] == [
            "WARNING first",
            "ERROR failed",
        ]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_the_files_are_for_this_user_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    settings = LogSettings(level="DEBUG", filename="app.log", max_bytes=200, backup_count=2)
    path = tmp_path / "app.log"

    def modes() -> list[int]:
        with log_as_set(settings, tmp_path):
            for number in range(10):
                log.debug("line %d", number)
        return [stat.S_IMODE(file.stat().st_mode) for file in sorted(tmp_path.glob("app.log*"))]

    assert modes() == [0o600] * 3
    path.chmod(0o640)
    assert modes() == [0o640] * 3


@pytest.mark.parametrize(("settings", "told"), [(None, False), (LogSettings(level="INFO"), True)])
def test_to_standard_error(tmp_path: Path, capsys: Output, settings: LogSettings | None, told: bool) -> None:
    with log_as_set(settings, tmp_path):
        log.info("quiet")
        log.warning("loud")
    shown = capsys.readouterr().err
    assert ("quiet" in shown, "loud" in shown) == (told, True)


def test_as_json_each_record_is_a_line_with_its_task_and_run(tmp_path: Path) -> None:
    with log_as_set(LogSettings(filename="app.log", format="json"), tmp_path):
        log.warning(f"first\nline %s {HOSTILE} ü", "of two")
        log_run(RunEvents().ended("r1", "nightly", state=State.FAILED, error={"type": "E", "message": "m"}))
        try:
            raise ValueError("told\nERROR forged")
        except ValueError:
            log.exception("failed")
    first, failed, raised = map(json.loads, (tmp_path / "app.log").read_text("utf-8").splitlines())
    assert datetime.fromisoformat(first["time"]).tzinfo is not None
    assert (first["level"], first["logger"]) == ("WARNING", "jobs")
    assert first["message"].startswith("first\nline of two ")
    assert first["message"].endswith("ü")
    assert (failed["task"], failed["run"], failed["error"]) == ("nightly", "r1", "E: m")
    assert raised["traceback"].startswith("Traceback (most recent call last)")
    assert not {"task", "traceback"} & set(first)
    text = (tmp_path / "app.log").read_text("utf-8")
    assert {letter for letter in text if unicodedata.category(letter) == "Cc"} == {"\n"}


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    settings = LogSettings(filename="logs/app.log")
    with pytest.raises(FileError, match=r"logs/app.log"), log_as_set(settings, tmp_path):
        pass
