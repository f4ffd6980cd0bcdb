"""How the numbers of a column are shown: small ones keep their digits, ids have no thousands separators."""

from __future__ import annotations

import math

import numpy as np

from schedkit.excel.column_types import Digits
from schedkit.excel.serial_dates import Floats, Micros

# More decimals than these are harder to read than what "General" makes of a number.
_MOST_DECIMALS = 5
# A number this much smaller than the greatest one is a rounding error.
_NOISE = 1e-9
_SECOND = 1_000_000


def digits_of(values: Floats) -> Digits:
    """Return how a column of numbers is shown; what is not finite does not count.

    Examples
    --------
    >>> digits_of(np.array([0.00012, 0.5])).decimals, digits_of(np.array([2024.0, 2025.0])).grouped
    (5, False)
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return Digits()
    low, high = float(values.min()), float(values.max())
    decimals = _decimals(values)
    return Digits(decimals, decimals != 0 or _are_amounts(values), low, high)


def _decimals(values: Floats) -> int | None:
    sizes = np.abs(values)
    sizes = sizes[sizes > sizes.max() * _NOISE]
    least = float(sizes.min()) if len(sizes) else 1.0
    # The least number shows two digits; hundredths are enough for ordinary ones.
    most = 2 if least >= 0.01 else math.ceil(-math.log10(least)) + 1
    with np.errstate(over="ignore"):
        exact = next(
            (p for p in range(min(most, _MOST_DECIMALS)) if (values == np.round(values, p)).all()), most
        )
    return exact if exact <= _MOST_DECIMALS else None


def _are_amounts(values: Floats) -> bool:
    """Tell whether whole numbers are amounts: years, ids and build numbers are all equally long."""
    lengths = {len(f"{abs(value):.0f}") for value in (values.min(), values.max())}
    return len(lengths) > 1 or lengths.pop() < 4


def digits_of_durations(micros: Micros) -> Digits:
    """Return how lengths of time are shown: short ones with parts of a second."""
    short = len(micros) > 0 and int(micros.max()) < 3600 * _SECOND
    return Digits(3 if short and bool((micros % _SECOND != 0).any()) else 0)
