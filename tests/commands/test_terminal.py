"""In a real terminal: widths, prompts, hidden tokens, and text that would steer it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.ready_processes import command, in_terminal

from schedkit.demo import DemoSite

HOSTILE = """
from schedkit import task, context

@task(description="\\x1b]0;owned\\x07[bold]")
def evil():
    context.log("\\x1b[2J\\x9b31m :boom: [red]")
    raise ValueError("\\x1b[31mred\\rback\\u202e")
"""
# What the bars and tables of rich write: weights and colours, the cursor up and to the left, lines cleared,
# the cursor hidden and shown.
OURS = re.compile(r"\x1b\[[0-9;]*[mKA-DG]|\x1b\[\?25[lh]")


def steering(shown: str) -> set[str]:
    """Return the control characters that are not of our own tables and bars."""
    return {char for char in OURS.sub("", shown) if not char.isprintable() and char not in "\n\r"}


@pytest.mark.parametrize("columns", [60, 120])
def test_text_of_others_is_only_shown(project: Path, columns: int) -> None:
    (project / "evil.py").write_text(HOSTILE)
    code, shown = in_terminal(["run", "evil.py", "--once"], project, columns=columns)
    assert code == 1
    assert steering(shown) == set()
    assert "[31mred" in shown
    for words in (["show", "evil"], ["logs", "evil"], ["history"], ["runs"], ["tasks"]):
        code, shown = in_terminal(words, project, columns=columns)
        assert code == 0
        assert steering(shown) == set(), words
        assert all(len(line) <= columns for line in OURS.sub("", shown).splitlines() if line[:1] in "│┃┏└")
    assert in_terminal(["tasks", "--json"], project, columns=columns)[1].isascii()


def test_a_project_is_made_by_answering_and_a_token_is_not_shown(tmp_path: Path) -> None:
    with DemoSite(issues=20) as site:
        url = site.jira_dc.url
        code, shown = in_terminal(["new", "project"], tmp_path, answers={"demo site)": url})
        assert code == 0
        assert "Address of your Jira" in shown
        assert f"schedkit connect {url}" in shown
        code, shown = in_terminal(["connect", url], tmp_path, answers={"(not shown)": site.jira_dc.token})
        assert code == 0, shown
        assert site.jira_dc.token not in shown.partition("logged in")[2]
        assert in_terminal(["doctor"], tmp_path)[0] == 0


def test_new_files_open_in_the_editor(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", f"{sys.executable} -c \"import sys; print('edits', sys.argv[1])\"")
    code, shown = in_terminal(["new", "task"], project, answers={"[task]": "nightly"})
    assert code == 0
    assert f"edits {project / 'tasks' / 'nightly.py'}" in shown
    assert "edits" not in in_terminal(["new", "task", "other", "--no-open"], project)[1]


def test_a_closed_pipe_is_no_traceback(project: Path) -> None:
    program = f"{sys.executable} -m schedkit schema | head -c 10"
    done = subprocess.run(program, shell=True, cwd=project, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_completion_knows_commands_and_tasks(project: Path) -> None:
    (project / "evil.py").write_text(HOSTILE)
    in_terminal(["run", "evil.py", "--once"], project)
    for words, expected in (("schedkit tri", "trigger"), ("schedkit trigger ", "evil")):
        completed = {
            **os.environ,
            "_SCHEDKIT_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = command([], project, environment=completed)
        assert expected in done.stdout.split(), done
