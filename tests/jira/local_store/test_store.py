"""Files that cannot be written, disks that are full, processes that die: what was there before stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.ready_processes import ReadyProcess, begun, ended

from schedkit.demo import DemoSite
from schedkit.errors import FileError, SchedkitError, UsageError
from schedkit.jira import Jira, read_parquet
from schedkit.values.files import replacing
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def fresh(site: DemoSite, dialect: str) -> pd.DataFrame:
    return client(site, dialect).search(ALL)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other)


def test_a_file_that_cannot_be_is_refused_before_anything_is_read(jira: Jira, tmp_path: Path) -> None:
    held = tmp_path / "a-file"
    held.write_bytes(b"x")
    for path, words in [
        (held / "below" / "x.parquet", "a part of its path is not a folder"),
        (tmp_path, "is not a file"),
        (Path(os.devnull), "is not a file"),
        (tmp_path / ("x" * 300), "the name is too long"),
        ("a\0b", r"embedded null (byte|character)"),
        (None, "None is not a path"),
    ]:
        for write in (jira.to_parquet, jira.sync):
            with pytest.raises(SchedkitError, match=words) as told:
                write("project = DEMO", path)
            assert isinstance(told.value, UsageError if path is None else FileError)
    assert held.read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [held]


def test_a_disk_that_is_full_leaves_what_was_there(dialect: str, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the end of the disk, in a process of its own."""
    path = tmp_path / "x.parquet"
    with DemoSite(issues=80) as site:
        jira = client(site, dialect)
        jira.sync(ALL, into=path)
        before = path.read_bytes()
        site.store.edit("DEMO-1", summary="Edited")
        endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
        for act in ("sync", "to_parquet"):
            code = f"""
import resource, signal
from schedkit.jira import Jira
from schedkit.errors import SchedkitError
jira = Jira({endpoint.url!r}, user={endpoint.user!r}, token={endpoint.token!r})
jira.fields()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    jira.{act}({ALL!r}, {str(path)!r})
except SchedkitError as error:
    print(error)
"""
            done = ended(code, [], tmp_path)
            assert done.stderr == ""
            assert "cannot write" in done.stdout
            assert "File too large" in done.stdout
            assert len(done.stdout.splitlines()) == 1
            assert endpoint.token not in done.stdout
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("at", [0, 6, 9, 12])
def test_a_sync_that_is_killed_is_made_up_for(dialect: str, tmp_path: Path, at: int) -> None:
    path = tmp_path / "x.parquet"
    with DemoSite(issues=120, page_cap=15) as site:
        jira = client(site, dialect)
        jira.sync(ALL, into=path)
        site.store.edit("DEMO-1", summary="Edited")
        site.store.delete(next(i.key for i in site.store.visible() if not site.store.children.get(i.id)))
        site.store.create("DEMO", "Born")
        endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
        code = (
            "from schedkit.jira import Jira; "
            f"Jira({endpoint.url!r}, user={endpoint.user!r}, token={endpoint.token!r})"
            f".sync({ALL!r}, into={str(path)!r})"
        )
        seen = iter(range(10**6))
        child: list[ReadyProcess] = []
        ready = threading.Event()

        def kill(request) -> None:
            ready.wait(60)
            if next(seen) == at:
                child[0].send_signal(signal.SIGKILL)

        undo = site.before(kill)
        with begun(code, [], tmp_path) as process:
            child.append(process)
            ready.set()
            process.wait(60)
        undo()
        after = jira.sync(ALL, into=path)
        same(after, fresh(site, dialect))
        same(read_parquet(path), after)


_WRITER = """
import sys, tempfile
from pathlib import Path
tempfile.tempdir = sys.argv[2]
from schedkit.values.files import replacing, scratch_folder
with replacing(sys.argv[1]) as new, scratch_folder() as place:
    new.file.write(b"half")
    new.file.flush()
    (place / "part-0.parquet").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A process that is writing ``x.parquet`` and a spool of parts."""
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spools))
    command = [sys.executable, "-c", _WRITER, str(tmp_path / "x.parquet"), str(spools)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="there, nothing tells what is left behind")
def test_what_a_killed_process_leaves_behind_is_cleared(
    jira: Jira, tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    path = tmp_path / "x.parquet"

    def there() -> list[str]:
        return sorted(p.name for p in tmp_path.rglob("*") if p.name not in ("spools", "x.parquet"))

    theirs = there()
    assert len(theirs) == 4, "a file, a folder, what is in it, and its lock"
    strangers = [tmp_path / name for name in (".x.parquet.original", ".y.parquet.12345678.schedkit")]
    for stranger in strangers:
        stranger.write_bytes(b"somebody's")
    for write in (jira.sync, jira.to_parquet):
        write("project = OPS", path)
        assert set(theirs) <= set(there()), "what a live one is writing stays"
    writer.kill()
    writer.wait(60)
    jira.sync("project = OPS", path.with_name("other.parquet"))
    assert set(theirs) <= set(there()), "another file's is left to its own sync"
    path.unlink()
    jira.sync("project = OPS", path)
    jira.to_parquet("project = OPS", path)
    assert there() == [*sorted(p.name for p in strangers), "other.parquet"]


def test_two_that_write_one_file_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with replacing(path) as one, replacing(path) as other:
        assert one.part != other.part
        assert one.part.exists()
        assert other.part.exists()
        one.file.write(b"one")
        other.file.write(b"other")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"one"
