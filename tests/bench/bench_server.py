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
    idle, beside, inside = [], [], []
    for _ in range(ROUNDS):  # alternately, because the machine has other work
        busy = {"tasks": TASKS, "fires": True, "seconds": SECONDS}
        idle.append(p99(run_side("server_sides", "ours", **busy, beside=True, rate=0)["late"]))
        beside.append(p99(run_side("server_sides", "ours", **busy, beside=True, rate=RATE)["late"]))
        inside.append(p99(run_side("server_sides", "ours", **busy, beside=False, rate=RATE)["late"]))
    yield _late("beside the server's process at 500/s (schedkit serve FILE)", median(beside), idle, 1.5)
    yield _late("with the server inside at 500/s (Server(asgi(sched)))", median(inside), idle, None)


def _late(where: str, late: float, idle: list[float], target: float | None) -> Row:
    control = median(idle)
    name = f"p99 lateness of schedules {where}"
    return Row(name, late, control, "idle server", "ms", late / control, target, "<=")
