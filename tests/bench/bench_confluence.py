"""Confluence: a 5 MB page against an expat parse of it, and a big frame as cells."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

import pandas as pd

from bench.common import Row, cpu_seconds, median
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.source.regions import region
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Rules

_STATES = (("Open", "To Do"), ("In Review", "In Progress"), ("Closed", "Done"))
_REPEATS = 5


def frame(rows: int) -> pd.DataFrame:
    """Issues as an extraction yields them: the 18 default columns."""
    n = range(rows)
    text = pd.array([f"Broker {i} drops <session> & reconnects when the controller moves" for i in n], "str")
    made = pd.DataFrame(
        {
            "Key": pd.array([f"KAFKA-{i}" for i in n], "str"),
            "Summary": text,
            "Type": pd.Categorical(["Bug"] * rows),
            "Status": pd.Categorical([_STATES[i % 3][0] for i in n]),
            "Status Category": pd.Categorical([_STATES[i % 3][1] for i in n]),
            "Priority": pd.Categorical([f"P{i % 5}" for i in n]),
            "Assignee": pd.array([f"Person {i % 40}" if i % 7 else None for i in n], "str"),
            "Reporter": pd.array([f"Person {i % 30}" for i in n], "str"),
            "Created": pd.to_datetime("2026-01-01", utc=True) + pd.to_timedelta(list(n), unit="min"),
            "Updated": pd.to_datetime("2026-02-01", utc=True) + pd.to_timedelta(list(n), unit="min"),
            "Resolved": pd.to_datetime(["2026-03-01" if i % 3 == 2 else None for i in n], utc=True),
            "Due": pd.to_datetime([None if i % 2 else "2026-09-01" for i in n]),
            "Parent": pd.array([f"KAFKA-{i // 10}" for i in n], "str"),
            "Labels": pd.array(["a, b"] * rows, "str"),
            "Components": pd.array(["core"] * rows, "str"),
            "Fix Versions": pd.array(["4.1"] * rows, "str"),
            "Sprint": pd.array(["Sprint 12"] * rows, "str"),
            "Story Points": pd.array([i % 13 if i % 4 else None for i in n], "Float64"),
        }
    )
    made.attrs["site"] = "https://issues.example.org"
    return made


def page_of(rows: int) -> tuple[str, pd.DataFrame]:
    """A page with a managed table of eight columns, and the frame that made it."""
    columns = [
        "Key",
        "Summary",
        "Status",
        "Status Category",
        "Priority",
        "Assignee",
        "Updated",
        "Story Points",
    ]
    df = frame(rows)[columns]
    df.attrs["site"] = "https://issues.example.org"
    return edit(df)("<h1>Big</h1><p>prose &nbsp;</p>", "page").new + "<h2>Below</h2><p>tail</p>", df


def edit(df: pd.DataFrame) -> TableEdit:
    return TableEdit(region("anchor:big"), render(df, key="Key"), Rules("Key", cap=None), "end")


def parse_with_noop_handlers(source: str) -> None:
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)
    parser.StartElementHandler = lambda name, attrs: None
    parser.EndElementHandler = lambda name: None
    parser.CharacterDataHandler = lambda data: None
    parser.Parse(f"<page>{source}</page>", True)


def rows() -> Iterator[Row]:
    source, df = page_of(10_600)
    changed = df.copy()
    changed.attrs = df.attrs
    changed.loc[3000, "Summary"] = "this cell alone differs"
    one_cell = edit(changed)
    assert len(one_cell(source, "page").report.changes) == 1
    peer = median(cpu_seconds(lambda: parse_with_noop_handlers(source)) for _ in range(_REPEATS))
    ours = median(cpu_seconds(lambda: one_cell(source, "page")) for _ in range(_REPEATS))
    yield Row(
        f"confluence: {len(source) / 1e6:.1f} MB page, scan and splice one cell",
        ours, peer, "expat, no-op handlers", "CPU s", ours / peer, 10, "<=",
    )  # fmt: skip
    half_source, half_df = page_of(5_300)
    half = edit(half_df)
    half_cost = median(cpu_seconds(lambda: half(half_source, "page")) for _ in range(_REPEATS))
    yield Row(
        "confluence: the same with half the rows (linear: 2 x)",
        ours, half_cost, "half the page", "CPU s", ours / half_cost, 2.5, "<=",
    )  # fmt: skip
    big = frame(10_000)
    cost = median(cpu_seconds(lambda: render(big, key="Key")) for _ in range(3))
    yield Row(
        "confluence: 10,000 rows of 18 columns rendered",
        cost, 2.0, "2 s of CPU", "CPU s", cost / 2.0, 1, "<=",
    )  # fmt: skip
