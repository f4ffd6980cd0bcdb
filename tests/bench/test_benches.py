"""What benches write straight into the tables fits the schema, and what they ask of others can be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bench import bench_flow, bench_history, engine_sides
from bench.flow_input import frames
from schedkit.core.board.history import window
from schedkit.core.store.database import Store


def test_a_ledger_of_the_engine_bench_opens(tmp_path: Path) -> None:
    where = str(tmp_path / "ledger.db")
    engine_sides.history_filled(where, 50, "batch", False)
    asked = engine_sides.history(where, 50, "batch", False)
    assert set(asked) == {"row", "submit", "claim", "board"}


def test_a_ledger_of_the_history_bench_has_its_window(tmp_path: Path) -> None:
    ledger, now = tmp_path / "ledger.db", datetime.now(UTC)
    store = Store(ledger)
    store.open()
    bench_history.fill(ledger, now, count=200)
    assert window(store, now, 81 * 24.0)["total"] == 200
    store.close()


def test_the_figures_of_the_flow_bench_s_peer_can_be_made() -> None:
    bench_flow.figures_of_both(*frames(20)[:2])
