"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pandas as pd
import pytest

import schedkit.flow as room

MODULES = sorted(module.name for module in pkgutil.iter_modules(room.__path__, "schedkit.flow."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    names = {"pd": pd, "np": np}
    failed, _ = doctest.testmod(importlib.import_module(name), extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert failed == 0
