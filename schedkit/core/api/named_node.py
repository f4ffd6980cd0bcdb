"""The one process at a ledger that a person means by a name, a pid or a life."""

from __future__ import annotations

from collections.abc import Sequence

from schedkit.core.store.lives import NodeRow
from schedkit.errors import UsageError
from schedkit.values.text import did_you_mean

__all__ = ["named_node"]


def named_node(wanted: str | int, nodes: Sequence[NodeRow], ledger: str) -> NodeRow:
    """Return the process that `wanted` names.

    Raises
    ------
    UsageError
        If there is none, or more than one.
    """
    found = [node for node in nodes if str(wanted) in (node.name, str(node.pid), node.life)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = "; ".join(map(str, found))
        raise UsageError(f"{len(found)} processes are called {wanted!r}: {listed}", hint="give the pid")
    hint = did_you_mean(str(wanted), [node.name for node in nodes], otherwise="`schedkit nodes` lists them")
    raise UsageError(f"no process of {ledger} is called {wanted!r}", hint=hint)
