"""Kernels of the notebooks under test have sockets of their own: a free port may be taken at once."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import nbval.kernel
import pytest
from jupyter_client.manager import KernelManager

from schedkit.notebook.own_kernel import own_kernel

_FOLDERS = ExitStack()


def _manager(**options: Any) -> KernelManager:
    return KernelManager(**_FOLDERS.enter_context(own_kernel()).options, **options)


def pytest_configure(config: pytest.Config) -> None:
    nbval.kernel.KernelManager = _manager


def pytest_unconfigure(config: pytest.Config) -> None:
    _FOLDERS.close()
