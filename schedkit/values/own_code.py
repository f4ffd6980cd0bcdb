"""A person's own lines in a traceback: where they stand, without the frames of schedkit and of libraries.

A notebook gives its cells files that no person knows; `name_files` lets it say what they are called.
"""

from __future__ import annotations

import inspect
import linecache
import re
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from schedkit.values.text import clip

__all__ = [
    "is_ours",
    "is_own",
    "line_words",
    "name_files",
    "named_lines",
    "named_traceback",
    "own_frames",
    "own_lines",
]

_OURS = str(Path(__file__).parents[1])
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
# What cloudpickle calls the file of code that travels to another process.
_NO_FILE = "<dynamic-code>"
LINES = 5
LONGEST_LINE = 200
_FRAME = re.compile(r'^  File "([^"\n]+)", line (\d+)(.*)\n((?:    .*\n)?)', re.MULTILINE)


def _unnamed(file: str) -> str:
    return ""


class _Namer:
    name: Callable[[str], str] = staticmethod(_unnamed)


def name_files(namer: Callable[[str], str]) -> None:
    """Set what says how a person calls a file of code, such as ``Cell In[9]``; empty where it has no name."""
    _Namer.name = staticmethod(namer)


def is_ours(file: str) -> bool:
    """Tell whether a file of code is schedkit's."""
    return file.startswith(_OURS)


def is_own(file: str) -> bool:
    """Tell whether a file of code is neither schedkit's nor Python's nor an installed package's."""
    return not file.startswith((_OURS, *_INSTALLED, "<frozen "))


def own_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of schedkit, Python's library and installed packages."""
    if trace is None:
        return None
    rest, frame = own_frames(trace.tb_next), trace.tb_frame
    if not is_own(frame.f_code.co_filename):
        return rest
    return TracebackType(rest, frame, trace.tb_lasti, trace.tb_lineno)


def own_lines(trace: TracebackType | None) -> list[dict[str, Any]]:
    """Return the last of a person's own lines that an error came through, the innermost last.

    Each has its `file`, `line`, `function` and `code`; the code is empty where the process does not have it.
    """
    found: list[dict[str, Any]] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            found.append({"file": code.co_filename, "line": trace.tb_lineno, "function": code.co_name})
        trace = trace.tb_next
    return [{**each, "code": _code(each["file"], each["line"])} for each in found[-LINES:]]


def named_lines(lines: Iterable[Mapping[str, Any]], function: object = None) -> list[dict[str, Any]]:
    """Return lines with `where`, as a person calls their files, and with the code that is known here.

    Parameters
    ----------
    function : callable, optional
        What was called, perhaps in another process, where the code of a cell has no file.
    """
    found = [{**each, "file": _file_of(each["file"], each["function"], function)} for each in lines]
    return [
        {
            **each,
            "where": _Namer.name(each["file"]) or each["file"],
            "code": each["code"] or _code(each["file"], each["line"]),
        }
        for each in found
    ]


def named_traceback(text: str, called: object = None) -> str:
    """Return the text of a traceback with cells by their names, and with their code; see `named_lines`."""

    def named(found: re.Match[str]) -> str:
        file, line, function, code = found.groups()
        file = _file_of(file, function.removeprefix(", in "), called)
        name = _Namer.name(file)
        if not name:
            return found[0]
        return (
            f"  {name}, line {line}{function}\n{code or f'    {_code(file, int(line))}'.rstrip()}".rstrip()
            + "\n"
        )

    return _FRAME.sub(named, text)


def line_words(line: Mapping[str, Any]) -> str:
    """Return where a line stands, in words.

    Examples
    --------
    >>> line_words({"where": "Cell In[9]", "line": 4, "function": "open_bugs"})
    'Cell In[9], line 4, in open_bugs'
    """
    function = str(line.get("function") or "")
    inside = f", in {function}" if function and not function.startswith("<module") else ""
    return f"{line.get('where') or line.get('file')}, line {line.get('line')}{inside}"


def _file_of(file: str, name: str, called: object) -> str:
    """Return the file of a function's code, which cloudpickle leaves out where it comes from a cell."""
    if file != _NO_FILE:
        return file
    plain: Any = inspect.unwrap(called) if callable(called) else None
    helper = getattr(plain, "__globals__", {}).get(name)
    for each in (plain, inspect.unwrap(helper) if callable(helper) else None):
        code = getattr(each, "__code__", None)
        if code is not None and name in _names_in(code):
            return str(code.co_filename)
    return file


def _names_in(code: CodeType) -> set[str]:
    """Return the names of a function's code and of the functions in it."""
    inner = (_names_in(each) for each in code.co_consts if isinstance(each, CodeType))
    return {code.co_name}.union(*inner)


def _code(file: str, line: int) -> str:
    return clip(linecache.getline(file, line).strip(), LONGEST_LINE)
