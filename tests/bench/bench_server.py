"""The server: what a request for the status of 1,000 tasks costs, and whether schedules feel it."""

from __future__ import annotations

from collections.abc import Iterator

from bench.common import Row, median
from bench.sides import run_side

TASKS, RATE, SECONDS, ROUNDS = 1000, 500, 10, 3
CPU_BUDGET_MS = 0.5
PEER_RATE = 100  # it manages no more


def milliseconds(told: dict[str, float]) -> float:
    """CPU of the server's process for one request."""
    return told["cpu"] / told["requests"] * 1000


def p99(late: list[float]) -> float:
    return sorted(late)[int(len(late) * 0.99)] * 1000


def rows() -> Iterator[Row]:
    common = {"tasks": TASKS, "fires": False, "beside": False, "seconds": SECONDS}
    cost = milliseconds(run_side("server_sides", "ours", **common, rate=RATE))
    bare = milliseconds(run_side("server_sides", "peer", **common, rate=PEER_RATE))
    yield Row(
        "server: status of 1,000 tasks, ETag",
        cost,
        CPU_BUDGET_MS,
        "budget",
        "ms CPU",
        cost / CPU_BUDGET_MS,
        1.0,
        "<=",
    )
    yield Row("server: the same", cost, bare, "FastAPI response_model", "ms CPU", bare / cost, None)
    late: dict[str, list[float]] = {side: [] for side in ("idle", "beside", "stand-in", "inside")}
    for _ in range(ROUNDS):  # alternately, because the machine has other work
        busy = {"tasks": TASKS, "fires": True, "seconds": SECONDS}
        idle = run_side("server_sides", "ours", **busy, beside=True, rate=0)
        beside = run_side("server_sides", "ours", **busy, beside=True, rate=RATE)
        cpu = (beside["server"] - idle["server"]) / beside["requests"]
        stand_in = run_side("server_sides", "ours", **busy, beside=True, rate=RATE, stand_in=cpu)
        inside = run_side("server_sides", "ours", **busy, beside=False, rate=RATE)
        for side, run in zip(late, (idle, beside, stand_in, inside), strict=True):
            late[side].append(p99(run["late"]))
    name = "p99 lateness of schedules beside the server's process at 500/s (schedkit serve FILE)"
    yield _late(name, late["beside"], "idle server", late["idle"], 1.5)
    # Where this is about 1, only the cores that the processes share make schedules later.
    name = "p99 lateness of schedules: the same"
    yield _late(name, late["beside"], "a process without ledger, same CPU", late["stand-in"], None)
    name = "p99 lateness of schedules with the server inside at 500/s (Server(asgi(sched)))"
    yield _late(name, late["inside"], "idle server", late["idle"], None)


def _late(name: str, late: list[float], peer: str, control: list[float], target: float | None) -> Row:
    ours, theirs = median(late), median(control)
    return Row(name, ours, theirs, peer, "ms", ours / theirs, target, "<=")
