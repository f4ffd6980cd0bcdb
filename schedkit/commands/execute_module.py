"""Executing a task module, as `schedkit run` and `schedkit check` do."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from schedkit.errors import SchedkitError, UsageError

__all__ = ["execute_module", "make_importable"]


def execute_module(path: Path, *, again: bool = False) -> ModuleType:
    """Execute a module under the name by which other modules and child processes import it.

    Parameters
    ----------
    again : bool
        Whether one that is imported is executed again: its file has been edited.

    Raises
    ------
    UsageError
        It fails; the message begins with its file and line.
    """
    folder, parts = path.resolve().parent, [path.stem]
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    make_importable(folder / path.name)
    name = ".".join(parts)
    before = sys.modules.get(name)
    try:
        if len(parts) > 1:
            return importlib.reload(before) if before and again else importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except SchedkitError:
        _put_back(name, before)
        raise
    except (Exception, SystemExit) as error:
        _put_back(name, before)
        what = error.msg if isinstance(error, SyntaxError) else error
        raise UsageError(f"{_place(error, path)}: {type(error).__name__}: {what}") from None


def _put_back(name: str, before: ModuleType | None) -> None:
    """Forget a module that failed; the one before it stays."""
    if before is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = before


def make_importable(path: Path) -> None:
    """Let the folder of a file be one that modules are imported from."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _place(error: BaseException, path: Path) -> str:
    """Return ``file:line`` where a module's own code failed."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}" if error.lineno else str(path)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    return f"{path}:{own[-1]}" if own else str(path)
