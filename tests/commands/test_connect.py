"""`schedkit connect` and `schedkit new`: from an empty folder to a workbook, as a newcomer types it."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from support.ready_processes import Ended, command

from schedkit.app import app
from schedkit.atlassian.login import token_page
from schedkit.cli import main
from schedkit.demo import DemoSite

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=200) as site:
        yield site


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # it cannot be imported


def typed(line: str, folder: Path, *, stdin: str = "") -> Ended:
    """Run a printed command line in a process of its own; there, too, no keyring can be imported."""
    program, *arguments = shlex.split(line)
    assert program == "schedkit"
    return command(arguments, folder, stdin=stdin)


def here(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: str = ""
) -> tuple[int, str]:
    """Run the command line in this process; return its exit code and all that it prints."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    code = main(list(arguments))
    return code, "".join(capsys.readouterr())


def commands(told: str) -> list[str]:
    return [line.strip() for line in told.splitlines() if line.startswith("  schedkit ")]


def test_a_new_project_with_the_demo_site(tmp_path: Path) -> None:
    made = typed("schedkit new project", tmp_path)
    assert made.returncode == 0, made.stderr
    demo, history = commands(made.stdout)
    done = typed(demo + " --issues 200", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "reports/out/open-bugs.xlsx" in done.stdout
    book = openpyxl.load_workbook(tmp_path / "reports" / "out" / "open-bugs.xlsx")
    assert book.active is not None
    assert book.active.max_row > 10
    done = typed(history, tmp_path)
    assert "DONE" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == [
        "reports",
        "schedkit.yaml",
    ]


def test_a_new_project_with_a_jira_of_ones_own(tmp_path: Path, site: DemoSite) -> None:
    url = site.jira_dc.url
    made = typed(f"schedkit new project --site {url}/", tmp_path)
    assert made.returncode == 0, made.stderr
    connect, run = commands(made.stdout)
    wrong = typed(f"{connect} --token-stdin", tmp_path, stdin="wrong\n")
    assert wrong.returncode == 1
    (line,) = wrong.stderr.splitlines()
    assert line.startswith(f"schedkit: {url} refuses the token (create one at {url}/secure/ViewProfile.jspa")
    done = typed(f"{connect} --token-stdin", tmp_path, stdin=f"{site.jira_dc.token}\n")
    assert done.returncode == 0, done.stderr
    assert site.jira_dc.token not in done.stdout + done.stderr
    (kept,) = (tmp_path / ".schedkit" / "secrets").iterdir()
    assert kept.read_text() == site.jira_dc.token + "\n"
    assert kept.stat().st_mode & 0o077 == 0
    assert (tmp_path / ".schedkit" / ".gitignore").read_text() == "*\n"
    done = typed(run, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reports" / "out" / "open-bugs.xlsx").exists()
    assert typed("schedkit check reports/open-bugs.yaml", tmp_path).stdout == "reports/open-bugs.yaml: good\n"


def test_a_site_that_the_settings_do_not_know(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = site.jira_cloud
    code, shown = here(
        capsys,
        monkeypatch,
        "connect",
        cloud.url,
        "--user",
        cloud.user or "",
        "--token-stdin",
        stdin=cloud.token,
    )
    assert code == 0, shown
    told, _, lines = shown.partition(f"add to {project / 'schedkit.yaml'}:\n")
    assert "logged in to" in told
    (project / "schedkit.yaml").write_text(lines)
    (name,) = app().settings.sites
    assert app().site(name).myself()
    # Once more: the settings know it now, and the token is kept where they look.
    code, shown = here(capsys, monkeypatch, "connect", cloud.url, "--token-stdin", stdin=cloud.token)
    assert code == 0, shown
    assert "add to" not in shown


def test_a_confluence_is_known_by_its_address(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiki = site.confluence_dc
    code, shown = here(
        capsys, monkeypatch, "connect", wiki.url, "--kind", "confluence", "--token-stdin", stdin=wiki.token
    )
    assert code == 0, shown
    assert 'kind: "confluence"' in shown


def test_a_variable_is_left_to_the_user(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "schedkit.yaml").write_text(
        f"sites: {{broken: {{url: 'x'}}, mine: {{url: '{site.jira_dc.url}', token: '${{MY_TOKEN}}'}}}}"
    )
    code, shown = here(
        capsys, monkeypatch, "connect", site.jira_dc.url, "--token-stdin", stdin=site.jira_dc.token
    )
    assert code == 0, shown
    assert "the settings take the token from ${MY_TOKEN}: set that variable" in shown
    assert not (project / ".schedkit").exists()


@pytest.mark.parametrize(
    ("stdin", "code", "words"), [("", 2, "holds no token"), ("wrong\n", 1, "refuses the token")]
)
def test_a_token_that_is_none(
    project: Path,
    site: DemoSite,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
    stdin: str,
    code: int,
    words: str,
) -> None:
    found = here(capsys, monkeypatch, "connect", site.jira_dc.url, "--token-stdin", stdin=stdin)
    assert found[0] == code
    assert words in found[1]
    assert not (project / ".schedkit").exists()


def test_the_keyring_that_the_settings_name_must_be_there(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "schedkit.yaml").write_text(
        f"sites: {{mine: {{url: '{site.jira_dc.url}', token: 'keyring:mine'}}}}"
    )
    code, shown = here(
        capsys, monkeypatch, "connect", site.jira_dc.url, "--token-stdin", stdin=site.jira_dc.token
    )
    assert code == 2
    assert "there is no keyring (pip install 'schedkit[notebook]'" in shown


def test_names_of_sites_and_cloud_users(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown = here(
        capsys,
        monkeypatch,
        "new",
        "project",
        "mine",
        "--site",
        "https://acme.atlassian.net",
        "--user",
        "a@b.c",
    )
    assert code == 0, shown
    assert "  cd mine\n  schedkit connect https://acme.atlassian.net\n" in shown
    monkeypatch.chdir(tmp_path / "mine")
    site = app().settings.sites["jira"]
    assert (site.url, site.user) == ("https://acme.atlassian.net", "a@b.c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["connect", "nonsense"], "'nonsense' is not a site's URL"),
        (["connect", "https://u:p@example.org"], "holds a user or password"),
        (["connect", "http://127.0.0.1:9"], "there is no terminal to type the token in"),
        (["new", "project"], "schedkit.yaml exists already"),
        (["new", "report", "a/b"], "name='a/b'"),
        (["new", "report", "demo"], "exists already"),
        (["new", "report", "late: [1]"], "name='late: [1]'"),
        (["new", "task", "1st"], "is no name of a Python module"),
    ],
)
def test_mistakes_are_one_line(
    project: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    code, shown = here(capsys, monkeypatch, *arguments)
    assert code in (1, 2)
    (line,) = [line for line in shown.splitlines() if not line.startswith("create a token at")]
    assert line.startswith("schedkit: ")
    assert message in line


def test_new_reports_and_tasks_are_good(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDKIT_SITES__DEMO__URL", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(["new", "report", "late bugs", "--jql", 'summary ~ "x: {y}" # no comment']) == 0
    assert main(["new", "task", "nightly"]) == 0
    assert main(["check", "reports/late bugs.yaml", "tasks/nightly.py"]) == 0
    assert main(["run", "tasks/nightly.py", "--once", "-p", "project=KAFKA"]) == 0
    assert app().scheduler().tasks["nightly"].latest() == {"project": "KAFKA"}
    sys.modules.pop("nightly", None)


def test_where_a_token_is_made() -> None:
    assert token_page("https://a.atlassian.net", "jira").startswith("https://id.atlassian.com/")
    assert token_page("https://jira.example.org", "jira").startswith("https://jira.example.org/secure/")
    assert token_page("https://w.example.org", "confluence").endswith("usertokens.action")
