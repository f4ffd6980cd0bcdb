"""What must be true of a ledger and of its effects after nodes were killed; shares no code with schedkit.

It reads rows with the drivers' own SQL, and the lines that attempts have left in a file.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

__all__ = ["judge_nodes", "rows_of"]

FINAL = {"DONE", "FAILED", "TIMEOUT", "CANCELLED", "SKIPPED"}
NEVER = 2**63


def judge_nodes(
    where: str, effects: Path, periods: Mapping[str, int], killed: Mapping[int, int], *, alone: bool
) -> dict[str, int]:
    """Assert what must be true; return how much was seen, so that a test can tell it saw anything.

    Parameters
    ----------
    periods : mapping of str to int
        Kind of task → microseconds between its due times, which are multiples of that.
    killed : mapping of int to int
        Pid → nanoseconds of the monotonic clock when it was killed.
    alone : bool
        Whether no two attempts of a run may be alive at once.
    """
    tasks, runs, attempts, fires = rows_of(where)
    due = sum(_judge_task(row, runs, fires, periods) for row in tasks if row["next_at"] is not None)
    told = _lines(effects)
    of_run = defaultdict[str, list[dict[str, Any]]](list)
    for row in attempts:
        of_run[row["run"]].append(row)
    for run in runs:
        _judge_run(run, of_run[run["id"]], told)
    unexplained = set(told) - {(row["run"], row["number"]) for row in attempts}
    assert not unexplained, f"effects that no attempt explains: {unexplained}"
    if alone:
        _judge_spans(told, killed)
    outcomes = Counter(row["outcome"] for row in attempts)
    twice = sum(
        len([key for key in told if key[0] == run["id"] and told[key]["end"] is not None]) > 1
        for run in runs
        if run["attempt"] > 1
    )
    return {
        "due": due,
        "runs": len(runs),
        "interrupted": outcomes["interrupted"],
        "refused ends": sum(
            row["outcome"] == "interrupted"
            and told.get((row["run"], row["number"]), {}).get("end") is not None
            for row in attempts
        ),
        "effects completed twice": twice,
    }


def rows_of(where: str) -> list[list[dict[str, Any]]]:
    """Return the tasks, runs, attempts and passed-over due times of a ledger."""
    tables = ("tasks", "runs", "attempts", "fires")
    queries = [f"SELECT * FROM schedkit_{table}" for table in tables]
    if "://" not in where:
        connection = sqlite3.connect(f"file:{where}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        found = [[dict(row) for row in connection.execute(query)] for query in queries]
        connection.close()
        return found
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(where.replace("+psycopg", ""), row_factory=dict_row) as server:
        return [server.execute(query).fetchall() for query in queries]


def _judge_task(
    task: Mapping[str, Any],
    runs: Iterable[Mapping[str, Any]],
    fires: Iterable[Mapping[str, Any]],
    periods: Mapping[str, int],
) -> int:
    """Assert that every due time of a task has one outcome; return how many there are."""
    name, period = task["name"], periods[task["name"].partition("-")[0]]
    first = task["anchor"] // period + 1
    due = [n * period for n in range(first, -(-task["next_at"] // period))]
    fates: Counter[int] = Counter(
        run["scheduled_at"] for run in runs if run["task"] == name and run["scheduled_at"] is not None
    )
    for fire in fires:
        if fire["task"] == name:
            covered = [at for at in due if fire["scheduled_at"] <= at <= fire["until"]]
            assert fire["count"] in (None, len(covered)), f"{fire} covers {len(covered)}"
            fates.update(covered)
    lost, twice = set(due) - set(fates), {at for at, number in fates.items() if number > 1}
    assert not lost, f"{name}: {len(lost)} of {len(due)} due times have no outcome: {sorted(lost)[:5]}"
    assert not twice, f"{name}: due times with two outcomes: {sorted(twice)[:5]}"
    assert not set(fates) - set(due), (
        f"{name}: times that never were due: {sorted(set(fates) - set(due))[:5]}"
    )
    return len(due)


Key = tuple[str, int]


def _lines(effects: Path) -> dict[Key, dict[str, Any]]:
    """Return (run, attempt) → when and in which process it began, and when it ended."""
    told: dict[Key, dict[str, Any]] = {}
    for line in effects.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word not in ("begin", "end"):
            continue
        _, run, number, pid, at = rest.split()
        key = (run, int(number))
        if word == "begin":
            assert key not in told, f"one attempt began twice: {line}"
            told[key] = {"pid": int(pid), "begin": int(at), "end": None}
        else:
            told[key]["end"] = int(at)
    return told


def _judge_run(
    run: Mapping[str, Any], attempts: list[dict[str, Any]], told: Mapping[Key, Mapping[str, Any]]
) -> None:
    """Assert that a run has ended, that all its attempts have, and that it is DONE if one of them is."""
    assert run["state"] in FINAL, f"stuck: {run}"
    numbers = sorted(row["number"] for row in attempts)
    assert numbers == list(range(1, run["attempt"] + 1)), f"{numbers} for {run}"
    outcomes = Counter(row["outcome"] for row in attempts)
    assert None not in outcomes, f"an attempt is open: {run}"
    assert outcomes["done"] == (run["state"] == "DONE"), f"{dict(outcomes)} for {run}"
    assert run["interruptions"] == outcomes["interrupted"], f"{dict(outcomes)} for {run}"
    for row in attempts:
        if row["outcome"] == "done":
            effect = told.get((run["id"], row["number"]))
            assert effect is not None, f"DONE without its effect: {run}"
            assert effect["end"] is not None, f"DONE before its end: {run}"


def _judge_spans(told: Mapping[Key, Mapping[str, Any]], killed: Mapping[int, int]) -> None:
    """Assert that no two attempts of a run were alive at once."""
    spans = defaultdict[str, list[tuple[int, int]]](list)
    for (run, _), effect in told.items():
        end = effect["end"] if effect["end"] is not None else killed.get(effect["pid"], NEVER)
        spans[run].append((effect["begin"], end))
    for run, found in spans.items():
        found.sort()
        for (_, end), (begin, _) in pairwise(found):
            assert end <= begin, f"two attempts of run {run} were alive at once: {found}"
