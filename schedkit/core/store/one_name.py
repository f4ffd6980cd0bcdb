"""A ledger's file must have one name: SQLite keeps its log beside the name by which a file is opened.

Two processes that open a file by two names write two logs, and damage it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from schedkit.core.store.file_systems import mounted_alone
from schedkit.errors import LedgerError

__all__ = ["own_name", "refuse_several_names"]


def own_name(path: str | os.PathLike[str]) -> str:
    """Return the full path of a file: of what it leads to, if it is a symbolic link."""
    full = os.path.abspath(os.path.expanduser(path))
    return os.path.realpath(full) if os.path.islink(full) else full


def refuse_several_names(path: Path, where: str) -> None:
    """Refuse the file of a ledger that others may open by another name.

    Raises
    ------
    LedgerError
        If it has hard links, or is mounted without its folder, as in a container.
    """
    try:
        found = path.stat()
    except OSError:  # it is made soon
        return
    if not stat.S_ISREG(found.st_mode):  # a folder counts its folders as links; SQLite says what is wrong
        return
    if (links := found.st_nlink) > 1:
        raise LedgerError(
            f"ledger {where}: its file has {links} names (hard links), and SQLite keeps a log beside each: "
            "two processes would damage it",
            hint="remove the other names, or make it a file of its own: cp it, and mv the copy over it",
        )
    if mounted_alone(path):
        raise LedgerError(
            f"ledger {where}: its file is mounted without its folder, so that its log would stay here and be "
            "lost with this container, and a process that sees the folder would damage it",
            hint="mount the folder: -v ./ledger:/ledger instead of -v ./schedkit.db:/schedkit.db",
        )
