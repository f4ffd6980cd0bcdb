"""Numbers of weekdays, as APScheduler and as a crontab read them."""

from __future__ import annotations

import pytest

from schedkit.core.triggers.weekdays import of_apscheduler, of_crontab
from schedkit.errors import TriggerError


@pytest.mark.parametrize(
    ("numbers", "theirs", "crontabs"),
    [
        ("1-5", "tue-sat", "mon,tue,wed,thu,fri"),
        ("0", "mon", "sun"),
        ("0,6", "mon,sun", "sun,sat"),
        ("5-1", "sat-tue", "fri,sat,sun,mon"),
        ("*/2", "*/2", "*/2"),
        ("mon, fri", "mon, fri", "mon,fri"),
    ],
)
def test_both_readings(numbers: str, theirs: str, crontabs: str) -> None:
    assert (of_apscheduler(numbers), of_crontab(numbers)) == (theirs, crontabs)


def test_what_is_no_weekday() -> None:
    assert of_apscheduler("7") == "7", "APScheduler refuses it"
    with pytest.raises(TriggerError, match="'8' is not 0-7"):
        of_crontab("8")
