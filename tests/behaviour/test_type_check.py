"""What mypy tells of a user's file: a misspelt option or parameter is refused, correct use is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# `# refused: …` ends each line that mypy has to refuse, with a part of its message.
USER_FILE = """\
from datetime import timedelta

from schedkit import After, BaseTask, Retry, Scheduler, cron, every, task
from schedkit.confluence import Confluence
from schedkit.jira import Jira

sched = Scheduler(concurrency=3, tz="Europe/Berlin", lease="30s", limits={"jira": 2})


@sched.task("0 7 * * mon-fri", retry=3, timeout="5m", misfire_grace=timedelta(minutes=5))
def open_bugs(project: str = "KAFKA", limit: int = 5) -> int:
    return limit


@sched.task
def bare(project: str) -> None: ...


@task(every("1h"), retry=Retry(attempts=2), after=["open_bugs", After("bare", on="any")])
def marked(x: int = 1) -> int:
    return x


class Sync(BaseTask):
    retry = 3
    timeout = "5m"
    tags = ("a", "b")


class Wrong(BaseTask):
    timeout = [1]  # refused: Incompatible types in assignment


run = open_bugs.submit(project="X", limit=3)
open_bugs.submit()
open_bugs.submit("X")
bare.submit()  # its parameters may have been given with params=
number: int = open_bugs("X") + marked(2)
print(run.result(timeout="1m"), isinstance(sched, Scheduler))

Scheduler(concurency=3)  # refused: did you mean "concurrency"?
Scheduler(lease=[1])  # refused: incompatible type "list[int]"
sched.task(timout="5m")  # refused: did you mean "timeout"?
sched.task(every("1h"), retires=3)  # refused: "retires"
task(overlap="que")  # refused: No overload variant
cron("0 7 * * *", tzz="UTC")  # refused: did you mean "tz"?
Retry(atempts=2)  # refused: did you mean "attempts"?
open_bugs.submit(projct="X")  # refused: did you mean "project"?
open_bugs.submit(limit="many")  # refused: No overload variant
Jira("https://issues.example.org", token="t", timeout="30s", verify=False)
Jira("https://issues.example.org", tokn="t")  # refused: did you mean "token"?
Jira.connect("https://issues.example.org", cloud=True, concurency=2)  # refused: did you mean "concurrency"?
Confluence("https://wiki.example.org", token="t", patience="1m")
Confluence("https://wiki.example.org", tokn="t")  # refused: did you mean "token"?
Confluence("https://wiki.example.org", verify=3)  # refused: incompatible type "int"
bare()  # refused: Missing positional argument "project"


async def ask() -> None:
    await open_bugs.aio.submit(project="X")
    await open_bugs.aio.submit(projct="X")  # refused: did you mean "project"?
"""


def test_mypy_refuses_what_is_misspelt_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "user.py"
    file.write_text(USER_FILE)
    options = [f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={ROOT / '.mypy_cache'}"]
    command = [sys.executable, "-m", "mypy", *options, "--no-error-summary", str(file)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    errors: dict[int, str] = {}
    for line, message in re.findall(r"user\.py:(\d+): error: (.*)", told):
        errors[int(line)] = f"{errors.get(int(line), '')}{message}\n"
    refused = {
        number: line.partition("# refused: ")[2]
        for number, line in enumerate(USER_FILE.splitlines(), 1)
        if "# refused: " in line
    }
    assert set(errors) == set(refused), told
    for number, words in refused.items():
        assert words in errors[number]
