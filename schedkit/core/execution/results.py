"""What runs returned, on disk: frames as Parquet, other values as JSON.

The ledger keeps only the reference. A file is written whole, under a name of its own, before the run is
recorded as DONE; so a reference never points at half a file.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from schedkit import context
from schedkit.core.execution.full_texts import remove_full_texts
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

        A frame becomes Parquet. What JSON can hold becomes JSON: numpy's scalars as numbers, times as
        ISO 8601 text, tuples and sets as lists. Anything else is not kept, which the run's log says.
        """
        if value is None:
            return None
        if plain(value) and not isinstance(value, str):
            return {"kind": "json", "value": value}
        folder = _UNSAFE.sub("_", task)[:60]
        # A task may be called "..", or ".".
        name = f"{folder if folder.strip('.') else '_'}/{run}-{attempt}"
        frame = _frame(value)
        if frame is not None:
            try:
                path = self._write(f"{name}.parquet", lambda file: _write_parquet(frame, file))
            except (TypeError, ValueError, OverflowError, _arrow_errors()) as error:
                return _not_kept(value, f"Parquet cannot hold it: {error}")
            return {
                "kind": "parquet",
                "path": path,
                "rows": int(frame.shape[0]),
                "columns": int(frame.shape[1]),
                "series": frame is not value,
                "cells": _sequences(frame),
            }
        try:
            text = msgspec.json.encode(_plain(value))
        except (TypeError, ValueError, RecursionError) as error:
            return _not_kept(value, f"JSON cannot hold it: {error}")
        if len(text) <= INLINE_BYTES:
            return {"kind": "json", "value": msgspec.json.decode(text)}
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
                hint="return a frame, or numbers, text, lists and mappings",
            )
        if reference["kind"] == PRUNED:
            raise ResultGoneError(
                f"the result is gone: it was pruned by keep_results={reference['keep']}",
                hint="run the task again; a larger keep_results keeps more",
            )
        if "value" in reference:
            return reference["value"]
        path = self._own(reference["path"])
        try:
            if reference["kind"] == "json":
                return msgspec.json.decode(path.read_bytes())
            frame = _read_parquet(path)
        except FileNotFoundError as error:
            raise ResultGoneError(
                f"result {path} is gone", hint="it was pruned or moved; run the task again"
            ) from error
        except Exception as error:
            ours = translate(error, f"result {path}", ResultGoneError, hint="run the task again")
            raise ours or ResultGoneError(
                f"cannot read result {path}: {one_line(str(error))}", hint="run the task again"
            ) from error
        for place, kind in reference.get("cells", {}).items():
            column = frame.columns[int(place)]
            frame[column] = frame[column].map(_SEQUENCES[kind])
        return frame.iloc[:, 0] if reference.get("series") else frame

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


def _plain(value: Any) -> Any:
    """Return what JSON holds without loss of meaning; TypeError if it cannot."""
    plain = msgspec.to_builtins(
        value, builtin_types=(bytes, bytearray, memoryview), str_keys=True, enc_hook=_builtin
    )
    if _has_bytes(plain):
        raise TypeError("it holds bytes")
    return plain


def _builtin(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat() if value == value else None  # NaT equals nothing
    if isinstance(value, timedelta):
        return timedelta(microseconds=value // timedelta(microseconds=1))
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "item"):
        if kind.__name__ == "datetime64":
            return str(value)
        if kind.__name__ == "ndarray" and value.dtype.kind in "biufUS":
            return value.tolist()
        found = value.item()
        if isinstance(found, bool | int | float | str):
            return found
    raise TypeError(f"{kind.__name__} has no form there")


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_bytes, value))
    return isinstance(value, bytes | bytearray | memoryview)


def _frame(value: Any) -> Any:
    """Return the DataFrame that `value` is or becomes, None if it is no frame."""
    kind = type(value)
    if kind.__module__.partition(".")[0] not in ("pandas", "pyarrow") and kind.__name__ != "DataFrame":
        return None
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, pd.Series):
        return value.to_frame(name=value.name if value.name is not None else "value")
    return None


def _sequences(frame: Any) -> dict[str, str]:
    """Return the kind of list in each column, by its place, that has any: Parquet makes arrays of them."""
    kinds = {}
    for place, dtype in enumerate(frame.dtypes):
        if str(dtype) == "object":  # not text, which is an extension type
            cells = (type(cell).__name__ for cell in frame.iloc[:, place])
            if kind := next((name for name in cells if name in _SEQUENCES), None):
                kinds[str(place)] = kind
    return kinds


def _sequence(kind: type, cell: Any) -> Any:
    """Return an array that Parquet made of a list or tuple, and those in it, as what it was."""
    if type(cell).__name__ != "ndarray":
        return cell
    return kind(_sequence(kind, inner) for inner in cell.tolist())


_SEQUENCES = {"list": partial(_sequence, list), "tuple": partial(_sequence, tuple)}


def _write_parquet(frame: Any, file: IO[bytes]) -> None:
    try:
        frame.to_parquet(file)
    except (TypeError, ValueError, OverflowError, _arrow_errors()):
        # Columns of mixed or unknown types: their text is better than nothing. Attributes may be anything,
        # and of columns of one name each but the first gets a number, as where pandas reads such a table.
        plain = frame.copy(deep=False)
        plain.attrs = {}
        plain.columns = _apart([str(column) for column in plain.columns])
        for column in [name for name, kind in plain.dtypes.items() if str(kind) == "object"]:
            plain[column] = plain[column].map(lambda cell: None if cell is None else str(cell))
        file.seek(0)
        file.truncate()
        plain.to_parquet(file)


def _apart(names: list[str]) -> list[str]:
    taken = set(names)
    found: set[str] = set()
    apart = []
    for name in names:
        number, own = 0, name
        while own in found or (own != name and own in taken):
            number += 1
            own = f"{name}.{number}"
        found.add(own)
        apart.append(own)
    return apart


def _arrow_errors() -> type[Exception]:
    import pyarrow

    error: type[Exception] = pyarrow.ArrowException
    return error


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    if not path.exists():
        raise FileNotFoundError(path)
    return pd.read_parquet(path)
