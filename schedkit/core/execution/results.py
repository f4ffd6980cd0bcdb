"""What runs returned, in files: frames as Parquet, other values as JSON; each comes back as it was.

The ledger keeps only the reference. A file is written whole, under a name of its own, before the run is
recorded as DONE; so a reference never points at half a file.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from schedkit import context
from schedkit.core.execution.frame_files import is_frame, read_frame, write_frame
from schedkit.core.execution.full_texts import remove_files
from schedkit.core.execution.storage import Storage, storage_at
from schedkit.core.execution.typed_json import from_json, to_json
from schedkit.core.run import PRUNED, TaskResult
from schedkit.core.tasks.stored import plain
from schedkit.errors import FileError, SchedkitError
from schedkit.values.failures import translate
from schedkit.values.files import file_error
from schedkit.values.text import clean, one_line, safe_repr

__all__ = ["Kept", "ResultGoneError", "Results", "holds_frame"]

_log = logging.getLogger("schedkit")

# Small values live in the ledger itself.
INLINE_BYTES = 4000
NOT_KEPT = "not kept"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class ResultGoneError(SchedkitError):
    """A result that was not kept, or whose file has been pruned, moved or damaged."""


class Kept(NamedTuple):
    """What another process has returned and kept: its reference, and the value where that is no file."""

    reference: dict[str, Any]
    value: Any = None


def holds_frame(value: Any) -> bool:
    """Tell whether a value is a frame or a series, or a list or mapping of some."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return is_frame(value)
    return any(map(is_frame, value))


class Results:
    """The results of runs in a storage.

    Parameters
    ----------
    storage : Path, str or Storage
        A folder, which is made at the first result, or a URL.
    """

    def __init__(self, storage: Path | str | Storage) -> None:
        self.storage = storage_at(storage) if isinstance(storage, Path | str) else storage

    def save(self, task: str, run: str, attempt: int, value: Any) -> dict[str, Any] | None:
        """Keep a value; return the reference for the ledger, None for None.

        A frame or a series becomes Parquet; text, numbers, times, sets, mappings and so on become JSON that
        tells their types; lists and mappings with frames in them become an archive of both. What would come
        back as something else is not kept, which the run's log says.
        """
        if value is None:
            return None
        if plain(value) and not isinstance(value, str):
            return {"kind": "json", "value": value}
        folder = _UNSAFE.sub("_", task)[:60]
        # A task may be called "..", or ".".
        name = f"{folder if folder.strip('.') else '_'}/{run}-{attempt}"
        try:
            return self._save_frame(name, value) if is_frame(value) else self._save_value(name, value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            return _not_kept(value, str(error))

    def _save_frame(self, name: str, value: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        path = self._write(f"{name}.parquet", lambda file: facts.update(write_frame(value, file)))
        rows, columns = (*value.shape, 1)[:2]
        size = {"rows": int(rows), "columns": int(columns)}
        if len(msgspec.json.encode(facts)) <= INLINE_BYTES:
            return {"kind": "parquet", "path": path, **size, "facts": facts}
        self.storage.remove(path)
        return {**self._save_value(name, value), **size}

    def _save_value(self, name: str, value: Any) -> dict[str, Any]:
        frames: list[Any] = []
        stored = to_json(value, lambda other: _place_of(other, frames))
        text = msgspec.json.encode(stored)
        if frames:
            path = self._write(f"{name}.zip", lambda file: _write_archive(file, stored, frames))
            return {"kind": "json", "path": path, "frames": len(frames)}
        if len(text) <= INLINE_BYTES:
            return {"kind": "json", "value": stored}
        path = self._write(f"{name}.json", lambda file: file.write(text))
        return {"kind": "json", "path": path, "bytes": len(text)}

    def _write(self, name: str, write: Callable[[IO[bytes]], object]) -> str:
        self.storage.write(name, write)
        return name

    def load(self, reference: Mapping[str, Any] | None) -> Any:
        """Return a kept value.

        Raises
        ------
        ResultGoneError
            If it was not kept or has been pruned, or its file is no longer there or cannot be read.
        """
        if reference is None:
            return None
        if reference["kind"] == NOT_KEPT:
            raise ResultGoneError(
                f"the result, of type {reference['type']}, was not kept: {reference['why']}",
                hint="return frames, numbers, text, times, or lists, sets and mappings of them",
            )
        if reference["kind"] == PRUNED:
            raise ResultGoneError(
                f"the result is gone: it was pruned by keep_results={reference['keep']}",
                hint="run the task again; a larger keep_results keeps more",
            )
        if "value" in reference:
            return from_json(reference["value"])
        name = self._own(reference["path"])
        path = self.storage.address(name)
        try:
            content = self.storage.read(name)
            if reference.get("frames"):
                return _read_archive(content)
            if reference["kind"] == "json":
                return from_json(msgspec.json.decode(content))
            return read_frame(io.BytesIO(content), reference.get("facts", {}))
        except FileNotFoundError as error:
            raise ResultGoneError(
                f"result {path} is gone", hint="it was pruned or moved; run the task again"
            ) from error
        except Exception as error:
            ours = translate(error, f"result {path}", ResultGoneError, hint="run the task again")
            raise ours or ResultGoneError(
                f"cannot read result {path}: {one_line(str(error))}", hint="run the task again"
            ) from error

    def _remove(self, name: str) -> None:
        try:
            self.storage.remove(name)
        except (FileError, OSError) as error:
            _log.warning("a file that was pruned is still there: %s", file_error(error, name, "delete"))

    def _own(self, name: str) -> str:
        """Return the name of a file of ours: a ledger that others write may hold any."""
        if not self.storage.holds(name):
            raise ResultGoneError(
                f"the ledger names {safe_repr(name)} as a result, which is not in {self.storage.place}",
                hint="run the task again",
            )
        return name

    def discard(self, value: Any) -> None:
        """Delete what another process has kept of a value that is no longer wanted."""
        kept = value.value if isinstance(value, TaskResult) else value
        if isinstance(kept, Kept):
            self.remove(kept.reference)

    def remove(self, reference: Mapping[str, Any]) -> None:
        """Delete the file of a reference, if it has one, or the full texts of a run."""
        if "path" in reference:
            with contextlib.suppress(ResultGoneError):
                self._remove(self._own(reference["path"]))
        if "texts" in reference:
            remove_files(self.storage, reference["texts"])


def _not_kept(value: Any, why: str) -> dict[str, Any]:
    why = clean(one_line(why, 500))
    kind = type(value).__name__
    context.log(f"the result, of type {kind}, is not kept: {why}", logging.WARNING)
    return {"kind": NOT_KEPT, "type": kind, "why": why}


# Results with frames in them: an archive of the frames, and of JSON in which each has its place.
_INDEX = "value.json"


def _place_of(value: Any, frames: list[Any]) -> dict[str, int]:
    """Return what stands for a frame within other values; it is added to `frames`."""
    if not is_frame(value):
        return to_json(value)  # type: ignore[no-any-return]  # it refuses
    frames.append(value)
    return {"$frame": len(frames) - 1}


def _write_archive(file: IO[bytes], stored: Any, frames: Sequence[Any]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        facts = []
        for number, frame in enumerate(frames):
            with archive.open(f"{number}.parquet", "w", force_zip64=True) as member:
                written = io.BytesIO()
                facts.append(write_frame(frame, written))
                member.write(written.getbuffer())
        archive.writestr(_INDEX, msgspec.json.encode({"value": stored, "frames": facts}))


def _read_archive(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        index = msgspec.json.decode(archive.read(_INDEX))
        frames = [
            read_frame(io.BytesIO(archive.read(f"{number}.parquet")), facts)
            for number, facts in enumerate(index["frames"])
        ]
    return from_json(index["value"], {"frame": frames.__getitem__})
