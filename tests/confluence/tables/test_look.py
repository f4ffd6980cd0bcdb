"""What a caller decides about the cells of a table."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from schedkit.confluence import Look


@pytest.mark.parametrize(
    ("look", "behind"),
    [
        (Look(), ""),
        (Look(tz="local"), ""),
        (Look(tz="Europe/Berlin"), ""),
        (Look(tz="Asia/Shanghai"), " Asia/Shanghai"),
        (Look(tz="+02:00"), " +02:00"),
        (Look(tz="Asia/Shanghai", show_zone=False), ""),
        (Look(show_zone=True), " Europe/Berlin"),
    ],
)
def test_the_zone_is_written_where_it_is_not_the_machines(
    look: Look, behind: str, machine_zone: Callable[[str], None]
) -> None:
    machine_zone("Europe/Berlin")
    assert look.zone_behind == behind


def test_today_is_a_day_of_the_zone() -> None:
    days = {Look(tz=tz).today for tz in ("Pacific/Kiritimati", "Pacific/Pago_Pago")}
    assert len(days) == 2
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) for day in days)


def test_declarations_are_copied() -> None:
    dates = ["Due", 5]
    look = Look(dates=dates, links={"Key": "https://x.example/{}"})
    dates.append("Updated")
    assert look.dates == ("Due", "5")
