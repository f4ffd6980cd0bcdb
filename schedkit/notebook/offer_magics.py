"""``%%task`` and ``%schedkit`` from ``import schedkit`` on; what they do is imported at their first use."""

from __future__ import annotations

from typing import Any

__all__ = ["offer_magics"]


def offer_magics(shell: Any) -> None:
    """Register those magics of schedkit whose names `shell` does not have yet."""

    def task(line: str, cell: str) -> None:
        """Make this cell a task: ``%%task NAME every=1h``; ``%load_ext schedkit`` puts the options here."""
        from schedkit.notebook.magics import declare

        declare(shell, line, cell)

    def schedkit(line: str) -> None:
        """Show the panel: ``%schedkit``, ``%schedkit runs``, ``queue``, ``history`` or ``builder``."""
        from schedkit.notebook.magics import show_panel

        show_panel(line)

    for kind, magic in (("cell", task), ("line", schedkit)):
        if magic.__name__ not in shell.magics_manager.magics[kind]:
            shell.register_magic_function(magic, kind)
