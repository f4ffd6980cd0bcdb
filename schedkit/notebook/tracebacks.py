"""What a cell shows of an error that schedkit raised: the user's own lines, and the error's one line.

Of a run that failed these are also the lines of the task. ``%xmode Verbose`` shows the whole traceback.
"""

from __future__ import annotations

import functools
import linecache
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from schedkit.core.tasks.origin import notebook_file
from schedkit.errors import RunError
from schedkit.notebook.shell import running_shell
from schedkit.values.own_code import is_ours, line_words, own_frames

__all__ = ["full_cell_name", "rendered", "short_interrupts"]

# Lines of a cell above and below the one that failed, as IPython shows them.
AROUND = 2


def cell_name(file: str) -> str:
    """Return what IPython calls the file of a cell: ``Cell In[9]``; empty for other files."""
    shell: Any = running_shell()
    name = shell.compile.format_code_name(file) if shell is not None else None
    return " ".join(name) if name else ""


def full_cell_name(file: str) -> str:
    """Return the same with the notebook's name where it is known, for screens outside of it."""
    name, notebook = cell_name(file), notebook_file()
    return f"{name} of {notebook.name}" if name and notebook is not None else name


@contextmanager
def short_interrupts() -> Iterator[None]:
    """Show Interrupt and a timeout of what runs in the ``with`` block as briefly as errors of schedkit."""
    try:
        yield
    except (KeyboardInterrupt, TimeoutError) as error:
        error._render_traceback_ = functools.partial(_shortened, error)  # type: ignore[union-attr]  # IPython asks for it
        raise


def rendered(error: BaseException) -> list[str]:
    """Return the lines that IPython prints for an error, in the mode that its user chose."""
    if _raised_here(error.__traceback__):
        return _shortened(error)
    show: Any = running_shell().InteractiveTB
    return list(show.structured_traceback(type(error), error, error.__traceback__, tb_offset=1))


def _shortened(error: BaseException) -> list[str]:
    show: Any = running_shell().InteractiveTB
    if show.mode == "Verbose":
        return list(show.structured_traceback(type(error), error, error.__traceback__, tb_offset=1))
    whole = error.__traceback__, error.__cause__, error.__suppress_context__
    short = own_frames(error.__traceback__)
    try:
        # What an error came from is in its message.
        error.__cause__ = None
        if short is None or show.mode == "Minimal":
            return list(show.get_exception_only(type(error), error))
        shown = list(show.structured_traceback(type(error), error, short, tb_offset=0))
        return [*shown[:-1], *_task_lines(error), *shown[-1:]]
    finally:
        error.__traceback__, error.__cause__, error.__suppress_context__ = whole


def _raised_here(traceback: TracebackType | None) -> bool:
    """Return whether our code raised it, and not a task's."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and is_ours(traceback.tb_frame.f_code.co_filename)


def _task_lines(error: BaseException) -> list[str]:
    """Return the lines of the task whose run failed, as IPython shows those of a cell."""
    lines = error.lines if isinstance(error, RunError) else ()
    named = [{**line, "where": cell_name(str(line["file"])) or line["where"]} for line in lines]
    return [f"{_green(line_words(line))}\n{_around(line)}\n" for line in named]


def _around(line: Mapping[str, Any]) -> str:
    """Return a line with its neighbours, if this process has its file as it was."""
    number, source = int(line["line"]), linecache.getlines(str(line["file"]))
    if not 0 < number <= len(source) or not source[number - 1].strip().startswith(line["code"].rstrip("…")):
        return f"----> {number} {line['code']}"
    first = max(number - AROUND, 1)
    shown = source[first - 1 : number + AROUND]
    return "\n".join(
        f"----> {at} {text.rstrip()}" if at == number else f"{at:>7} {text.rstrip()}"
        for at, text in enumerate(shown, first)
    )


def _green(text: str) -> str:
    return f"\x1b[32m{text}\x1b[39m"
