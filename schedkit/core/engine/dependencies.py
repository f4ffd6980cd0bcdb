"""Which runs wait for which: the n-th run of a child waits for the n-th run of each of its parents."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.states import State

__all__ = ["DependencyTracker", "Verdict", "Wait"]


@dataclass(slots=True)
class Wait:
    """One parent of a waiting run; `parent_run` None: a run that does not exist yet."""

    parent_run: str | None
    how: str = "success"
    ended: State | None = None

    @property
    def spoils(self) -> bool:
        """Whether the parent's final state prevents the child from starting."""
        return self.ended is not None and self.how == "success" and self.ended is not State.DONE


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a parent's end for a waiting run: it may start, or `blocked_by` names the parent."""

    run: str
    blocked_by: str = ""
    state: State = State.DONE


class DependencyTracker:
    """Waiting runs and their parents' runs; the ledger keeps the same as rows."""

    def __init__(self) -> None:
        self._waits: dict[str, dict[str, Wait]] = {}
        self._children: dict[str, str] = {}
        self._by_child: dict[str, dict[str, None]] = {}  # the reverse: each child's runs, the oldest first
        self._by_parent_run: dict[str, list[tuple[str, str]]] = {}
        self._open: dict[tuple[str, str], list[str]] = {}  # (child, parent) → runs without that parent's run
        self._judged: set[str] = set()

    def expect(self, run: str, child: str, waits: Mapping[str, Wait]) -> None:
        """Add a run of the task `child`, which waits for its parents."""
        self._waits[run] = dict(waits)
        self._children[run] = child
        self._by_child.setdefault(child, {})[run] = None
        for parent, wait in waits.items():
            if wait.parent_run is None:
                self._open.setdefault((child, parent), []).append(run)
            else:
                self._by_parent_run.setdefault(wait.parent_run, []).append((run, parent))

    def bind(self, child: str, parent: str, parent_run: str) -> str | None:
        """Bind a new run of `parent` to the run of `child` that has waited longest for one."""
        waiting = self._open.get((child, parent))
        if not waiting:
            return None
        run = waiting.pop(0)
        if not waiting:
            del self._open[child, parent]
        self._waits[run][parent].parent_run = parent_run
        if run in self._judged:
            self._tidy(run)
        else:
            self._by_parent_run.setdefault(parent_run, []).append((run, parent))
        return run

    def ended(self, parent_run: str, state: State) -> list[Verdict]:
        """Record the end of a run; return the result for each run that waited for it."""
        verdicts: list[Verdict] = []
        for run, parent in self._by_parent_run.pop(parent_run, ()):
            waits = self._waits.get(run)
            if waits is None or run in self._judged:
                continue
            waits[parent].ended = state
            if waits[parent].spoils:
                verdicts.append(Verdict(run, parent, state))
            elif all(wait.ended is not None for wait in waits.values()):
                verdicts.append(Verdict(run))
        for verdict in verdicts:
            self.judge(verdict.run)
        return verdicts

    def judge(self, run: str) -> None:
        """Drop the waits of `run`; runs that its parents have later are still bound to it."""
        if run in self._waits:
            self._judged.add(run)
            self._tidy(run)

    def forget(
        self, child: str, keep: Container[str] = (), to_come: bool = True
    ) -> tuple[dict[str, list[str]], set[str]]:
        """Drop the waits of a task's runs for parents that are not in `keep`.

        Parameters
        ----------
        to_come : bool
            Whether runs of those that do not exist yet will still be paired off with runs of the task.

        Returns
        -------
        tuple of dict and set
            Run → the parents it waits for no more, also of runs about which all is decided: they would take
            parents' runs from later ones. And the runs that now wait for nothing: they may start.
        """
        forgotten: dict[str, list[str]] = {}
        free: set[str] = set()
        for run in list(self._by_child.get(child, ())):
            waits = self._waits[run]
            gone = [
                parent
                for parent, wait in waits.items()
                if wait.ended is None and (parent not in keep or (wait.parent_run is None and not to_come))
            ]
            if not gone:
                continue
            for parent in gone:
                self._unpair(run, child, parent, waits.pop(parent).parent_run)
            forgotten[run] = gone
            if run not in self._judged and all(wait.ended is not None for wait in waits.values()):
                free.add(run)
                self._judged.add(run)
            if run in self._judged:
                self._tidy(run)
        return forgotten, free

    def _unpair(self, run: str, child: str, parent: str, parent_run: str | None) -> None:
        if parent_run is None:
            self._open[child, parent].remove(run)
            if not self._open[child, parent]:
                del self._open[child, parent]
        elif (run, parent) in (those := self._by_parent_run.get(parent_run, [])):
            those.remove((run, parent))
            if not those:
                del self._by_parent_run[parent_run]

    def _tidy(self, run: str) -> None:
        if all(wait.parent_run is not None for wait in self._waits[run].values()):
            del self._waits[run]
            self._disown(run)

    def _disown(self, run: str) -> None:
        self._judged.discard(run)
        child = self._children.pop(run, "")
        siblings = self._by_child.get(child, {})
        siblings.pop(run, None)
        if not siblings:
            self._by_child.pop(child, None)

    def missing(self, run: str) -> Iterable[str]:
        """Return the parents that `run` still waits for."""
        return [parent for parent, wait in self._waits.get(run, {}).items() if wait.ended is None]

    def rows(self) -> list[WaitRow]:
        """Return all waits as rows of the ledger, by run and parent."""
        return [
            WaitRow(run, self._children[run], parent, wait.parent_run, wait.how, wait.ended)
            for run, waits in sorted(self._waits.items())
            for parent, wait in sorted(waits.items())
        ]

    def runs_of(self, parent_run: str) -> list[str]:
        """Return the runs that wait for `parent_run`."""
        return [run for run, _ in self._by_parent_run.get(parent_run, ())]
