"""Files of runs in a folder and at URLs: whole or not there, found again, removed, and never outside."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import fsspec
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from schedkit.core.execution.results import ResultGoneError, Results
from schedkit.core.execution.storage import (
    FolderStorage,
    Shared,
    Storage,
    UrlStorage,
    is_url,
    shared_storage,
    storage_at,
)
from schedkit.errors import FileError

PLACES = ["folder", "file", "memory"]


def place(kind: str, tmp_path: Path) -> Path | str:
    """Return a new place of a kind."""
    if kind == "folder":
        return tmp_path / "kept"
    return f"file://{tmp_path}/kept" if kind == "file" else f"memory://{uuid4().hex}/kept"


@pytest.fixture(params=PLACES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return storage_at(place(request.param, tmp_path))


def test_a_place_is_a_folder_or_a_url(tmp_path: Path) -> None:
    assert isinstance(storage_at(tmp_path), FolderStorage)
    assert isinstance(storage_at(str(tmp_path)), FolderStorage)
    assert isinstance(storage_at("memory://x/"), UrlStorage)
    assert storage_at("memory://x/").place == "memory://x"
    assert storage_at("memory://").place == "memory://"
    assert [is_url(each) for each in ("s3://b", "C:\\kept", Path("s3://b"))] == [True, False, False]


def test_what_was_written_is_read_and_removed(storage: Storage) -> None:
    for name in ("task/a.txt", "task/b.txt", "other/c.txt"):
        storage.write(name, lambda file, name=name: file.write(name.encode()))
    assert storage.read("task/a.txt") == b"task/a.txt"
    storage.remove("task/a.txt")
    storage.remove("task/a.txt")
    with pytest.raises(FileNotFoundError):
        storage.read("task/a.txt")
    storage.remove_folder("task")
    storage.remove_folder("task")
    with pytest.raises(FileNotFoundError):
        storage.read("task/b.txt")
    assert storage.read("other/c.txt") == b"other/c.txt"


def test_half_a_file_is_not_there(storage: Storage) -> None:
    def fails(file: IO[bytes]) -> None:
        file.write(b"half")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        storage.write("task/a.txt", fails)
    with pytest.raises(FileNotFoundError):
        storage.read("task/a.txt")


def test_a_file_may_be_written_in_any_order(storage: Storage) -> None:
    def archive(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as made:
            made.writestr("a", "b")

    storage.write("task/a.zip", archive)
    assert storage.read("task/a.zip").startswith(b"PK")


@pytest.mark.parametrize("name", ["../a.txt", "task/../../a.txt", "/etc/passwd"])
def test_no_name_leads_out(storage: Storage, name: str) -> None:
    assert not storage.holds(name)
    assert storage.holds("task/a.txt")
    with pytest.raises(ResultGoneError, match="which is not in"):
        Results(storage).load({"kind": "json", "path": name})


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_the_address_of_a_file_at_a_url_is_its_url(kind: str, tmp_path: Path) -> None:
    storage = storage_at(place(kind, tmp_path))
    address = storage.address("task/a b.txt")
    assert address == f"{storage.place}/task/a b.txt"
    assert storage.name_of(address) == "task/a b.txt"
    assert storage.name_of(f"{storage.place}/../other") is None
    assert storage.name_of(f"{storage.place}x/task") is None
    assert storage.name_of("/tmp/a.txt") is None
    assert FolderStorage(tmp_path).name_of(str(tmp_path / "a")) is None


@pytest.mark.parametrize("prefix", ["local://", "simplecache::file://", "dir::file://"])
def test_urls_that_fsspec_s_documentation_shows(prefix: str, tmp_path: Path) -> None:
    storage = storage_at(f"{prefix}{tmp_path}/kept here")
    storage.write("task/a b.txt", lambda file: file.write(b"x"))
    assert storage.read("task/a b.txt") == b"x"
    (file,) = (tmp_path / "kept here").rglob("a b.txt")
    assert file.read_bytes() == b"x"


VALUES: dict[str, Callable[[], Any]] = {
    "frame": lambda: pd.DataFrame({"Key": ["A-1", "A-2"], "n": [1, 2]}),
    "list": lambda: list(range(5000)),
    "frames": lambda: {"a": pd.DataFrame({"n": [1]}), "b": [1]},
}


@pytest.mark.parametrize("value", VALUES)
def test_results_come_back_and_go(storage: Storage, value: str) -> None:
    results, expected = Results(storage), VALUES[value]()
    reference = results.save("task", "run", 1, expected)
    assert reference is not None
    found = results.load(reference)
    assert repr(found) == repr(expected)
    results.remove(reference)
    with pytest.raises(ResultGoneError, match="is gone"):
        results.load(reference)


# What goes wrong at a URL


class Broken(MemoryFileSystem):
    """A file system that fails as object stores do: late, and with errors of their own."""

    protocol = "broken"
    problem: BaseException = RuntimeError()

    def _fail(self, *args: object, **options: object) -> Any:
        raise self.problem

    open = cat_file = rm_file = rm = _fail


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (PermissionError(13, "Access Denied"), "cannot {} broken://b/task/a: permission denied"),
        (RuntimeError("token expired"), "cannot {} broken://b/task/a: RuntimeError: token expired"),
    ],
    ids=["of the system", "of a package"],
)
def test_what_a_store_refuses_is_told_with_the_url(problem: Exception, told: str) -> None:
    fsspec.register_implementation("broken", Broken, clobber=True)
    Broken.problem = problem
    storage = storage_at("broken://b")
    uses: dict[str, Callable[[], object]] = {
        "write": lambda: storage.write("task/a", lambda file: file.write(b"x")),
        "read": lambda: storage.read("task/a"),
        "delete": lambda: storage.remove("task/a"),
    }
    for doing, use in uses.items():
        with pytest.raises(FileError) as caught:
            use()
        assert caught.value.message == told.format(doing)
        assert caught.value.hint
    storage.remove_folder("task")  # it is only tried


def test_a_result_that_cannot_be_removed_keeps_nobody_from_the_next(caplog: pytest.LogCaptureFixture) -> None:
    fsspec.register_implementation("broken", Broken, clobber=True)
    Broken.problem = PermissionError(13, "Access Denied")
    Results("broken://b").remove({"kind": "json", "path": "task/a.json"})
    assert "a file that was pruned is still there: cannot delete" in caplog.text


@pytest.mark.parametrize("url", ["nosuch://bucket/x", "s3://bucket/x", "zip::file:///no/such/file.zip"])
def test_a_url_that_nothing_opens_says_what_to_install(url: str) -> None:
    if url.startswith("s3") and _can_import("s3fs"):
        pytest.skip("s3fs is installed")
    with pytest.raises(FileError, match=f"results at {url}: ") as caught:
        storage_at(url).read("a")
    assert "pip install s3fs" in caught.value.hint


def _can_import(package: str) -> bool:
    try:
        __import__(package)
    except ImportError:
        return False
    return True


# Of several processes


def test_another_process_writes_into_a_folder_only_if_it_sees_the_same_one(tmp_path: Path) -> None:
    here = FolderStorage(tmp_path / "kept")
    shared = here.shared()
    assert shared is not None
    assert FolderStorage(tmp_path / "kept").shared() == shared, "another process at home marks it no more"
    there = shared_storage(shared)
    assert there is not None
    there.write("task/a", lambda file: file.write(b"x"))
    assert here.read("task/a") == b"x"
    # A machine that has a folder of that name, but its own, or none.
    (tmp_path / "own").mkdir()
    assert shared_storage(Shared(str(tmp_path / "own"), shared.mark)) is None
    (tmp_path / "own" / "folder-id").write_text("other")
    assert shared_storage(Shared(str(tmp_path / "own"), shared.mark)) is None
    assert shared_storage(Shared("/no/such/folder", shared.mark)) is None


def test_urls_are_shared_but_not_the_memory_of_a_process(tmp_path: Path) -> None:
    shared = storage_at(f"file://{tmp_path}").shared()
    assert shared is not None
    found = shared_storage(shared)
    assert found is not None
    assert found.place == f"file://{tmp_path}"
    assert storage_at("memory://x").shared() is None


def test_a_folder_that_is_a_file_is_not_shared(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    assert FolderStorage(tmp_path / "kept").shared() is None
