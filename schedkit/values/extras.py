"""Optional packages: one that is missing ends in one line that names the extra to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from schedkit.errors import MissingExtraError

__all__ = ["check_package", "requires_extra"]


@contextmanager
def requires_extra(extra: str, what: str) -> Iterator[None]:
    """Surround the import of optional packages.

    Parameters
    ----------
    extra : str
        What installs them, as in ``pip install 'schedkit[notify]'``.
    what : str
        What needs them, in the plural: the subject of the message.

    Raises
    ------
    MissingExtraError
        If a package is not installed. A missing module of schedkit itself is raised as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "schedkit"):
            raise
        raise _missing(package, extra, what) from None


def check_package(package: str, extra: str, what: str) -> None:
    """Raise `MissingExtraError` if a package is not installed, without importing it."""
    if find_spec(package) is None:
        raise _missing(package, extra, what)


def _missing(package: str, extra: str, what: str) -> MissingExtraError:
    return MissingExtraError(f"{what} need the package {package}", hint=f"pip install 'schedkit[{extra}]'")
