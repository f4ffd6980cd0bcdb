"""``schedkit ledger``: backup, restore, salvage, check."""

from __future__ import annotations

from pathlib import Path

from schedkit.app import app
from schedkit.commands.ledgers import existing_ledger, looking
from schedkit.commands.output import print_json, print_line
from schedkit.core.store.backup import back_up, check_file, file_of, put_back
from schedkit.core.store.salvage import salvage
from schedkit.errors import LedgerError, UsageError
from schedkit.values.text import counted

__all__ = ["back_up_ledger", "check_ledger", "restore_ledger", "salvage_ledger"]


def back_up_ledger(target: Path, *, ledger: str | None) -> None:
    """Copy the ledger to a file while processes may write to it."""
    size = back_up(_file(existing_ledger(ledger), "pg_dump"), target)
    print_line(
        f"{target} ({size / 1e6:.1f} MB). Results and logs of full length are files of their own: "
        f"{app().settings.scheduler.results}"
    )


def restore_ledger(backup: Path, *, ledger: str | None) -> None:
    """Put a backup in the place of the ledger; the old one is kept beside it.

    Raises
    ------
    UsageError
        A process runs at the ledger.
    """
    path = _file(app().ledger(ledger), "pg_restore")
    if not backup.is_file():
        raise UsageError(f"there is no file {backup}", hint="name a file that `schedkit ledger backup` made")
    if path.exists():
        _refuse_if_used(path)
    kept = put_back(backup, path)
    print_line(f"{path} is now {backup}" + (f"; the ledger before it: {kept}" if kept else ""))


def salvage_ledger(target: Path, *, ledger: str | None) -> None:
    """Write a new ledger with what can be read of a damaged one."""
    path = _file(existing_ledger(ledger), "pg_restore")
    if target.resolve() == path:
        raise UsageError(f"{target} is the ledger itself", hint="name another file")
    counts = salvage(path, target)
    shown = ", ".join(f"{counts[name]} {name}" for name in ("tasks", "runs", "events"))
    print_line(f"{target}: {shown}; to use it: schedkit ledger restore {target}")


def _refuse_if_used(path: Path) -> None:
    try:
        with looking(str(path)) as scheduler:
            nodes = list(scheduler.nodes)
    except LedgerError:  # damaged: no process can be using it
        return
    if nodes:
        raise UsageError(f"{nodes[0]} runs at the ledger {path}", hint="stop it first")


def check_ledger(*, ledger: str | None, as_json: bool) -> None:
    """Check every page of the ledger, and print how much is in it."""
    place = existing_ledger(ledger)
    if "://" in place:
        with looking(ledger) as scheduler:
            counts = {"tasks": len(scheduler.tasks)}
            place = scheduler.ledger
    else:
        counts = check_file(Path(place))
    if as_json:
        print_json({"ledger": place, "ok": True, **counts})
        return
    kept = ", ".join(counted(number, name.removesuffix("s")) for name, number in counts.items())
    print_line(f"{place}: good; {kept}")


def _file(place: str, program: str) -> Path:
    return file_of(None if "://" in place else Path(place), program)
