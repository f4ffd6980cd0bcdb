"""What runs returned, on disk: frames as Parquet, other values as JSON; each comes back as it was.

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
from typing import IO, Any

import msgspec

from schedkit import context
from schedkit.core.execution.frame_files import is_frame, read_frame, write_frame
from schedkit.core.execution.full_texts import remove_full_texts
from schedkit.core.execution.typed_json import from_json, to_json
from schedkit.core.run import PRUNED
from schedkit.core.tasks.stored import plain
from schedkit.errors import SchedkitError
from schedkit.values.failures import translate, translated
from schedkit.values.files import replacing
from schedkit.values.private import PRIVATE, make_private_folder
from schedkit.values.text import clean, one_line, safe_repr

__all__ = ["ResultGoneError", "Results"]

# Small values live in the ledger itself.
INLINE_BYTES = 4000
NOT_KEPT = "not kept"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class ResultGoneError(SchedkitError):
    """A result that was not kept, or whose file has been pruned, moved or damaged."""


class Results:
    """A folder of results.

    Parameters
    ----------
    folder : Path
        Made at the first result.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        self._own(path).unlink()
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
        path = self.folder / name
        with translated(path, doing="write"):
            make_private_folder(path.parent)
        with replacing(path, mode=PRIVATE) as new:
            write(new.file)
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
        path = self._own(reference["path"])
        try:
            if reference.get("frames"):
                return _read_archive(path)
            if reference["kind"] == "json":
                return from_json(msgspec.json.decode(path.read_bytes()))
            return read_frame(io.BytesIO(path.read_bytes()), reference.get("facts", {}))
        except FileNotFoundError as error:
            raise ResultGoneError(
                f"result {path} is gone", hint="it was pruned or moved; run the task again"
            ) from error
        except Exception as error:
            ours = translate(error, f"result {path}", ResultGoneError, hint="run the task again")
            raise ours or ResultGoneError(
                f"cannot read result {path}: {one_line(str(error))}", hint="run the task again"
            ) from error

    def _own(self, name: str) -> Path:
        """Return the path of a file of ours: a ledger that others write may name any."""
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise ResultGoneError(
                f"the ledger names {safe_repr(name)} as a result, which is not in {self.folder}",
                hint="run the task again",
            )
        return path

    def remove(self, reference: Mapping[str, Any]) -> None:
        """Delete the file of a reference, if it has one, or the full texts of a run."""
        if "path" in reference:
            with contextlib.suppress(ResultGoneError):
                self._own(reference["path"]).unlink(missing_ok=True)
        if "texts" in reference:
            remove_full_texts(self.folder, reference["texts"])


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


def _read_archive(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        index = msgspec.json.decode(archive.read(_INDEX))
        frames = [
            read_frame(io.BytesIO(archive.read(f"{number}.parquet")), facts)
            for number, facts in enumerate(index["frames"])
        ]
    return from_json(index["value"], {"frame": frames.__getitem__})
