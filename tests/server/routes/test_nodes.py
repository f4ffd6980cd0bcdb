"""The processes at the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.rest import AWAY, Rest, token
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.workers import keep_workers
from schedkit.core.worker_facts import WorkerFacts


def names(rest: Rest) -> list[str]:
    return [node["name"] for node in rest.get("/api/v1/nodes").json()["items"]]


def test_the_workers_that_they_hear(app: Any, rest: Rest, folder: Path) -> None:
    heard = WorkerFacts(
        worker="id", name="w1", pid=7, host="there", threads=2, running=1, memory=5 << 20, seen=0.0,
        tasks=3, problems=["tasks.py:3: no"],
    )  # fmt: skip
    with Scheduler(str(folder / "ledger.db"), results=folder / "results", name="another") as another:
        life = next(node.life for node in another.nodes if node.name == "another")
        with another.queries.ledger.store.writing() as connection:
            keep_workers(connection, life, [heard])
        wait_until(lambda: rest.get("/api/v1/nodes").json()["workers"])
        (found,) = rest.get("/api/v1/nodes").json()["workers"]
        assert (found["name"], found["running"], found["memory"]) == ("w1", 1, 5 << 20)
        assert found["problems"] == ["tasks.py:3: no"]
        assert "schedkit_workers 1" in rest.get("/metrics").text
    wait_until(lambda: not rest.get("/api/v1/nodes").json()["workers"])


@pytest.mark.parametrize("deadline", ["60s", 60])
def test_one_is_ended_by_who_administers(app: Any, rest: Rest, folder: Path, deadline: object) -> None:
    root = Rest(app, address=AWAY, authorization=f"Bearer {token(folder, f'root {deadline}', 'admin')}")
    with Scheduler(str(folder / "ledger.db"), results=folder / "results", name="another") as another:
        wait_until(lambda: "another" in names(rest))
        asked = {"node": "another", "deadline": deadline}
        assert rest.post("/api/v1/nodes/end", json=asked).status_code == 403
        assert another.running
        answer = root.post("/api/v1/nodes/end", json=asked)
        assert (answer.status_code, answer.json()["message"]) == (202, "another was told to end")
        wait_until(lambda: not another.running)
        wait_until(lambda: "another" not in names(rest))
    done = root.get("/api/v1/audit", params={"actor": f"root {deadline}"}).json()["items"]
    assert [entry["action"] for entry in done] == ["process another ending"]


def test_one_that_is_not_there(app: Any, folder: Path) -> None:
    root = Rest(app, address=AWAY, authorization=f"Bearer {token(folder, 'looker', 'admin')}")
    answer = root.post("/api/v1/nodes/end", json={"node": "nobody"})
    assert answer.status_code == 422
    assert "nobody" in answer.json()["detail"]
    wrong = root.post("/api/v1/nodes/end", json={"node": "nobody", "deadline": "soon"})
    assert (wrong.status_code, "soon" in wrong.text) == (422, True)
