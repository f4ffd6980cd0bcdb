"""The log of a process without a notebook goes where the settings say, and steers no terminal."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import unicodedata
from datetime import datetime
from pathlib import Path

import pytest
from support.ready_processes import ReadyProcess
from support.run_events import RunEvents

from schedkit.commands.log_handlers import log_as_set
from schedkit.core.node.run_log import log_run
from schedkit.core.states import State
from schedkit.errors import FileError
from schedkit.settings import LogSettings
from schedkit.values.files import file_lock

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


WRITER = """
import logging, sys
from pathlib import Path
from schedkit.commands.log_handlers import log_as_set
from schedkit.settings import LogSettings
from schedkit.values.files import file_lock

folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = LogSettings(filename="app.log", max_bytes=2000, backup_count=90, format="%(message)s")
with log_as_set(settings, folder):
    for number in range(count):
        logging.getLogger("jobs").info("%s %d", name, number)
"""


def test_processes_that_share_a_file_lose_no_line_and_keep_its_size(tmp_path: Path) -> None:
    count = 600
    with open(os.devnull, "r+b") as nothing:
        streams = (nothing.fileno(),) * 3
        made = [
            ReadyProcess(WRITER, [str(tmp_path), name, str(count)], tmp_path, streams) for name in ("a", "b")
        ]
        assert [each.wait() for each in made] == [0, 0]
    files = sorted(tmp_path.glob("app.log*"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number}" for name in ("a", "b") for number in range(count))
    assert len(files) > 3
    assert max(file.stat().st_size for file in files) <= 2000 + 3 * len(f"b {count}\n")


def test_a_file_that_somebody_removed_is_begun_anew(tmp_path: Path) -> None:
    with log_as_set(LogSettings(filename="app.log", format="%(message)s"), tmp_path):
        log.warning("first")
        (tmp_path / "app.log").unlink()
        log.warning("second")
    assert (tmp_path / "app.log").read_text() == "second\n"


def test_while_another_process_holds_its_lock_a_full_file_is_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedkit.commands.log_handlers.LOCK_SECONDS", 0.0)
    settings = LogSettings(filename="app.log", max_bytes=10, format="%(message)s")
    with log_as_set(settings, tmp_path):
        log.warning("first one")
        with file_lock(tmp_path / "app.log"):
            log.warning("second one")
        log.warning("third one")
    assert (tmp_path / "app.log").read_text() == "third one\n"
    assert (tmp_path / "app.log.1").read_text() == "first one\nsecond one\n"


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
