"""robfig/cron's own test vectors, where they apply to five fields.

Of 91 vectors 85 do, those with a sixth field "0" among them: 29 activations and 56 next times. The other six
fire at seconds other than 0, which no crontab can say; here they are refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schedkit.core.triggers.constructors import Trigger, cron
from schedkit.errors import TriggerError

VECTORS = Path(__file__).parents[3] / "../shared/data/cron/robfig_vectors.tsv"

# Where we differ, and why: robfig drops a fixed time that the clocks jump over and repeats one that they
# repeat; here each happens exactly once (see schedkit.core.triggers.wallclock).
OURS = {
    ("2012-03-11T00:00:00-0500", "30 2 11 Mar ?"): "2012-03-11T03:00:00-0400",
    ("2012-03-11T00:00:00-0500", "0 2 * * ?"): "2012-03-11T03:00:00-0400",
    ("2012-11-04T01:00:00-0400", "0 1 * * ?"): "2012-11-05T01:00:00-0500",
    ("2012-11-04T01:45:00-0400", "30 1 04 Nov ?"): "2013-11-04T01:30:00-0500",
}
FORMATS = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M %Y", "%Y-%m-%dT%H:%M:%S%z")


def moment(text: str) -> datetime:
    for form in FORMATS:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise AssertionError(text)


def rows() -> list[tuple[str, ...]]:
    if not VECTORS.exists():
        return []
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if not line.startswith("#")]


def five_fields(time: str, spec: str) -> tuple[str, str, str] | None:
    """Return (time, zone, five fields), None where the vector needs seconds."""
    zone = "UTC"
    for text in (time, spec):
        if found := re.match(r"(?:CRON_)?TZ=(\S+) ", text):
            zone = found[1]
    time, spec = (re.sub(r"^(?:CRON_)?TZ=\S+ ", "", text) for text in (time, spec))
    fields = spec.split()
    if len(fields) == 6:
        if fields[0] != "0":
            return None
        fields = fields[1:]
    return time, zone, " ".join(fields)


ROWS = rows()
ACTIVATIONS = [row for row in ROWS if row[0] == "TestActivation"]
NEXTS = [row for row in ROWS if row[0] != "TestActivation" and five_fields(row[1], row[2])]

needs_vectors = pytest.mark.skipif(not ROWS, reason="../shared/data/cron is not there")


@needs_vectors
def test_the_vectors_are_read() -> None:
    assert len(ACTIVATIONS) == 29
    assert (len(NEXTS), len(ROWS)) == (56, 91)
    assert set(OURS) <= {(time, fields) for time, _, fields in filter(None, map(five_fields, *_columns()))}


@needs_vectors
def test_the_others_have_seconds_and_are_refused() -> None:
    left = [row[2] for row in ROWS if row not in ACTIVATIONS and row not in NEXTS]
    assert len(left) == 6
    for spec in left:
        with pytest.raises(TriggerError, match="6 fields, a crontab has five and no seconds"):
            cron(spec)


def _columns() -> tuple[list[str], list[str]]:
    return [row[1] for row in NEXTS], [row[2] for row in NEXTS]


@needs_vectors
@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: f"{row[1]} {row[2]}")
def test_activation(row: tuple[str, ...]) -> None:
    _, time, spec, expected = row
    at = moment(time)
    trigger = cron(spec, tz="UTC")
    assert (trigger.next(at - timedelta(seconds=1)) == at) is (expected == "True")


@needs_vectors
@pytest.mark.parametrize("row", NEXTS, ids=lambda row: f"{row[1]} {row[2]}")
def test_next(row: tuple[str, ...]) -> None:
    parsed = five_fields(row[1], row[2])
    assert parsed is not None
    time, zone, fields = parsed
    after = moment(time)
    if zone == "UTC" and time[:4] == "2016":
        zone = "Asia/Kolkata"
    expected = OURS.get((time, fields), row[3] if len(row) > 3 else "")
    if not expected:
        with pytest.raises(TriggerError, match="it never fires"):
            cron(fields, tz=zone)
        return
    assert_next(cron(fields, tz=zone), after, expected, zone)


def assert_next(trigger: Trigger, after: datetime, expected: str, zone: str) -> None:
    found = trigger.next(after)
    assert found is not None
    tz = ZoneInfo(zone)
    assert found.astimezone(tz).isoformat() == moment(expected).astimezone(tz).isoformat()
