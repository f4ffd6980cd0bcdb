"""What runs returned, on disk: frames as Parquet, other values as JSON.

The ledger keeps only the reference. A file is written whole, under a name of its own, before the run is
recorded as DONE; so a reference never points at half a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from schedkit.errors import SchedkitError

__all__ = ["ResultGoneError", "Results"]

# Small values live in the ledger itself.
INLINE_BYTES = 4000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class ResultGoneError(SchedkitError):
    """The file of a result has been pruned, moved or damaged."""


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

        A frame becomes Parquet, JSON-able values become JSON; of anything else only its text is kept.
        """
        if value is None:
            return None
        name = f"{_UNSAFE.sub('_', task)[:60]}/{run}-{attempt}"
        frame = _frame(value)
        if frame is not None:
            path = self._write(f"{name}.parquet", lambda file: _write_parquet(frame, file))
            return {
                "kind": "parquet",
                "path": path,
                "rows": int(frame.shape[0]),
                "columns": int(frame.shape[1]),
                "series": frame is not value,
            }
        try:
            text = msgspec.json.encode(value)
        except (TypeError, ValueError, RecursionError):
            return {"kind": "text", "text": repr(value)[:INLINE_BYTES], "type": type(value).__name__}
        if len(text) <= INLINE_BYTES:
            return {"kind": "json", "value": msgspec.json.decode(text)}
        path = self._write(f"{name}.json", lambda file: Path(file).write_bytes(text))
        return {"kind": "json", "path": path, "bytes": len(text)}

    def _write(self, name: str, write: Any) -> str:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        try:
            write(part)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return name

    def load(self, reference: Mapping[str, Any] | None) -> Any:
        """Return a kept value.

        Raises
        ------
        ResultGoneError
            If its file is no longer there, or cannot be read.
        """
        if reference is None:
            return None
        if reference["kind"] == "text":
            return reference["text"]
        if "value" in reference:
            return reference["value"]
        path = self.folder / reference["path"]
        try:
            if reference["kind"] == "json":
                return msgspec.json.decode(path.read_bytes())
            frame = _read_parquet(path)
        except FileNotFoundError as error:
            raise ResultGoneError(
                f"result {path} is gone", hint="it was pruned or moved; run the task again"
            ) from error
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise ResultGoneError(
                f"result {path} cannot be read: {error}", hint="run the task again"
            ) from error
        return frame.iloc[:, 0] if reference.get("series") else frame

    def remove(self, reference: Mapping[str, Any]) -> None:
        """Delete the file of a reference, if it has one."""
        if "path" in reference:
            (self.folder / reference["path"]).unlink(missing_ok=True)


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


def _write_parquet(frame: Any, path: Path) -> None:
    try:
        frame.to_parquet(path)
    except (TypeError, ValueError, OverflowError, _arrow_errors()):
        # Columns of mixed or unknown types: their text is better than nothing. Attributes may be anything.
        plain = frame.copy(deep=False)
        plain.attrs = {}
        plain.columns = [str(column) for column in plain.columns]
        for column in plain.select_dtypes(include="object").columns:
            plain[column] = plain[column].map(lambda cell: None if cell is None else str(cell))
        plain.to_parquet(path)


def _arrow_errors() -> type[Exception]:
    import pyarrow

    error: type[Exception] = pyarrow.ArrowException
    return error


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    if not path.exists():
        raise FileNotFoundError(path)
    return pd.read_parquet(path)
