"""What another process needs to continue a scheduler's work: the ledger, the limits, the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from schedkit.core.execution.results import Results
from schedkit.core.node.declarations import Declarations
from schedkit.core.store.database import Store
from schedkit.core.tasks import origin
from schedkit.core.tasks.code import code_of
from schedkit.core.tasks.registry import Registry
from schedkit.errors import LedgerError, UsageError
from schedkit.loop import process_singleton
from schedkit.values.keywords import check_keywords
from schedkit.values.secrets import masked_url

__all__ = ["ProcessSpec"]


@check_keywords
class ProcessSpec:
    """How a scheduler is made again in another process.

    Parameters
    ----------
    options : mapping
        What this scheduler was made with, but for its ledger.

    Attributes
    ----------
    opener : callable or None
        Returns a scheduler of the same ledger in another process, by a name and not by an address.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        declarations: Declarations,
        results: Results,
        options: Mapping[str, Any],
    ) -> None:
        self._store, self._registry, self._options = store, registry, dict(options)
        self._declarations, self._results = declarations, results
        self.opener: Callable[[], Any] | None = None

    @property
    def address(self) -> str:
        """Where the ledger is, in full: what opens it. It may hold a password."""
        store = self._store
        return str(store.path) if store.path else store.url.render_as_string(hide_password=False)

    @property
    def options(self) -> dict[str, Any]:
        """What this scheduler was made with, but for its ledger."""
        return dict(self._options)

    @property
    def results(self) -> Path | str:
        """The folder of results, or their URL."""
        return self._results.storage.place

    def reduced(self, make: Callable[..., Any], name: str) -> tuple[Any, ...]:
        """Return how a pickle makes the scheduler again: on the same ledger, running nothing.

        Parameters
        ----------
        make : callable
            ``make(address, **options)`` returns a scheduler.
        name : str
            Who this process is: what the other one asks for, it asks for in its name.

        Raises
        ------
        UsageError
            If the address holds a password.
        """
        if self.opener is not None:
            return _opened, (self.opener,)
        if masked_url(self.address) != self.address:
            raise UsageError(
                f"the password of the ledger {self._store} is never pickled",
                hint="name the ledger in schedkit.yaml: scheduler: {ledger: …}, or make the scheduler inside "
                "the function",
            )
        return _reopened, (make, self.address, {**self._options, "name": name})

    @property
    def declarations(self) -> int:
        """Grows whenever a task is declared here or removed."""
        return self._registry.version

    @property
    def codes(self) -> dict[str, str]:
        """A hash of each task's code as this process has it, but for tasks that follow from others' code."""
        declared = {name: self._registry[name] for name in self.files()}
        return {name: code_of(task) for name, task in declared.items() if task.requested is None}

    def require(self, codes: Mapping[str, str]) -> None:
        """Refuse from now on to declare one of these tasks with another code than this, see `codes`."""
        self._declarations.required |= codes

    def files(self, typed_in: Path | None = None) -> dict[str, Path | None]:
        """Return the file that declares each task of this process, None for one that no file declares.

        Parameters
        ----------
        typed_in : Path, optional
            The notebook whose cells declare.
        """
        registry = self._registry
        origins = {name: registry.origins.get(name) for name in registry}
        return {
            name: origin.file_of(registry[name], told, typed_in)
            for name, told in origins.items()
            # What every process declares by itself comes from no file.
            if told != origin.EVERYWHERE
        }


def _opened(opener: Callable[[], Any]) -> Any:
    return _viewed(opener())


def _reopened(make: Callable[..., Any], address: str, options: Mapping[str, Any]) -> Any:
    if "://" not in address and not Path(address).exists():
        raise LedgerError(
            f"there is no ledger {address} on this machine",
            hint="processes of several machines share a ledger on PostgreSQL",
        )
    return _viewed(process_singleton(f"scheduler elsewhere {address}", lambda: make(address, **options)))


def _viewed(scheduler: Any) -> Any:
    scheduler.queries.view()
    return scheduler
