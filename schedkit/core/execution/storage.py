"""Where the files of runs are kept: a folder, or a URL that fsspec opens, such as a bucket.

A file is whole before anything refers to it: a folder's is renamed into its place; an object store cannot
rename, and there the ledger's reference alone makes a file visible. Names are of one attempt each.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, Protocol

from schedkit.errors import FileError, SchedkitError
from schedkit.values.extras import check_package
from schedkit.values.failures import translated
from schedkit.values.files import file_error, replacing
from schedkit.values.private import PRIVATE, make_private_folder
from schedkit.values.text import one_line

__all__ = ["FolderStorage", "Shared", "Storage", "UrlStorage", "is_url", "shared_storage", "storage_at"]

# Tells a process whether the folder of this path is the one that another process means.
_MARK = "folder-id"
# A file on its way to a URL; a larger one waits on the disk.
SPOOLED_BYTES = 64 * 1024 * 1024


class Shared(NamedTuple):
    """What another process needs to write into a storage: its place, and what a folder there must hold."""

    place: str
    mark: str = ""


class Storage(Protocol):
    """Keeps files by names with ``/`` between folders."""

    @property
    def place(self) -> Path | str:
        """The folder or the URL."""

    def address(self, name: str, /) -> str:
        """Return what tells people where a file is."""

    def name_of(self, address: str, /) -> str | None:
        """Return the name of the file at an address of this storage, None at any other."""

    def holds(self, name: str, /) -> bool:
        """Tell whether a name stays within the storage: a ledger that others write may hold any."""

    def write(self, name: str, write: Callable[[IO[bytes]], object], /) -> None:
        """Write a file, which `write` fills; raises `FileError`."""

    def read(self, name: str, /) -> bytes:
        """Return the content of a file; raises `FileNotFoundError`."""

    def remove(self, name: str, /) -> None:
        """Delete a file, if it is there."""

    def remove_folder(self, name: str, /) -> None:
        """Delete all files of a folder."""

    def shared(self) -> Shared | None:
        """Return what `shared_storage` needs in another process; None: it cannot be shared."""


def is_url(place: str | Path) -> bool:
    """Tell whether a place is a URL and not a path."""
    return isinstance(place, str) and "://" in place


def storage_at(place: str | Path) -> Storage:
    """Return the storage at a folder or a URL."""
    return UrlStorage(str(place)) if is_url(place) else FolderStorage(Path(place))


def shared_storage(shared: Shared) -> Storage | None:
    """Return the storage that another process means, None if this machine has it not."""
    storage = storage_at(shared.place)
    if not shared.mark:
        return storage
    try:
        found = (Path(shared.place) / _MARK).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return storage if found == shared.mark else None


class FolderStorage:
    """A folder, made at the first file; only this user may enter it.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.place = folder
        self._mark = ""

    def address(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.place / name)

    def name_of(self, address: str) -> str | None:
        """Return None: files in folders are found by their paths."""
        return None

    def holds(self, name: str) -> bool:
        """Tell whether a name stays within the folder."""
        return (self.place / name).resolve().is_relative_to(self.place.resolve())

    def write(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        """Write a file, which `write` fills."""
        path = self.place / name
        with translated(path, doing="write"):
            make_private_folder(path.parent)
        with replacing(path, mode=PRIVATE) as new:
            write(new.file)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self.place / name).read_bytes()

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self.place / name).unlink(missing_ok=True)

    def remove_folder(self, name: str) -> None:
        """Delete all files of a folder."""
        shutil.rmtree(self.place / name, ignore_errors=True)

    def shared(self) -> Shared | None:
        """Return what `shared_storage` needs in another process; the folder is made."""
        try:
            self._mark = self._mark or self._marked()
        except OSError:  # it is full or read-only, or cannot link
            return None
        return Shared(str(self.place.absolute()), self._mark)

    def _marked(self) -> str:
        make_private_folder(self.place)
        path = self.place / _MARK
        with contextlib.suppress(FileExistsError):
            part = path.with_name(f"{_MARK}-{secrets.token_hex(4)}")
            part.write_text(secrets.token_hex(16), encoding="ascii")
            try:
                os.link(part, path)  # whole, and only if there is none
            finally:
                part.unlink()
        return path.read_text(encoding="ascii")


class UrlStorage:
    """A place that fsspec opens, by its URL; credentials are those of fsspec's configuration.

    Parameters
    ----------
    url : str
        ``s3://bucket/results``, ``gs://…``, ``file:///…``, ``memory://…``

    Raises
    ------
    MissingExtraError
        If fsspec is not installed.
    """

    def __init__(self, url: str) -> None:
        self.place = url if url.endswith("://") else url.rstrip("/")
        check_package("fsspec", "cluster", f"results at {self.place}")
        self._opened: tuple[Any, str] | None = None

    @property
    def _system(self) -> tuple[Any, str]:
        """The file system, and the place's path in it; opened at first use: the import takes 0.1 s."""
        if self._opened is None:
            import fsspec

            try:
                self._opened = fsspec.core.url_to_fs(self.place)
            except Exception as error:  # the package of the protocol is missing, or finds nothing there
                raise FileError(
                    f"results at {self.place}: {one_line(str(error), 300)}",
                    hint="give a folder, or install what opens the URL, e.g. pip install s3fs",
                ) from None
        return self._opened

    def _path(self, name: str) -> str:
        return f"{self._system[1].rstrip('/')}/{name}"

    def address(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.place}/{name}"

    def name_of(self, address: str) -> str | None:
        """Return the name of the file at a URL of this storage, None at any other."""
        name = address.removeprefix(f"{self.place}/")
        return name if name != address and self.holds(name) else None

    def holds(self, name: str) -> bool:
        """Tell whether a name stays within the place."""
        path = PurePosixPath(name)
        return bool(path.parts) and not path.is_absolute() and ".." not in path.parts

    def write(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        """Write a file, which `write` fills; half of one is removed."""
        # First here: an archive is not written from its start to its end.
        with tempfile.SpooledTemporaryFile(SPOOLED_BYTES) as whole:
            write(whole)
            whole.seek(0)
            with self._explained(name, "write"):
                system, path = self._system[0], self._path(name)
                try:
                    system.makedirs(path.rpartition("/")[0], exist_ok=True)
                    with system.open(path, "wb") as file:
                        shutil.copyfileobj(whole, file)
                except BaseException:
                    with contextlib.suppress(Exception):
                        system.rm_file(path)
                    raise

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self._explained(name, "read"):
            content: bytes = self._system[0].cat_file(self._path(name))
        return content

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        with contextlib.suppress(FileNotFoundError), self._explained(name, "delete"):
            self._system[0].rm_file(self._path(name))

    def remove_folder(self, name: str) -> None:
        """Delete all files of a folder."""
        with contextlib.suppress(FileNotFoundError, FileError), self._explained(name, "delete"):
            self._system[0].rm(self._path(name), recursive=True)

    def shared(self) -> Shared | None:
        """Return what `shared_storage` needs in another process; the memory of this one is not shared."""
        return None if self.place.startswith("memory:") else Shared(self.place)

    @contextmanager
    def _explained(self, name: str, doing: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, SchedkitError):
            raise
        except OSError as error:
            raise file_error(error, self.address(name), doing) from error
        except Exception as error:  # of the package that opens the URL
            why = one_line(f"{type(error).__name__}: {error}", 300)
            raise FileError(
                f"cannot {doing} {self.address(name)}: {why}",
                hint="check the URL, its login and the network",
            ) from error
