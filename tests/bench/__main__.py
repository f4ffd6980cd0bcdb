"""`make bench`: run every benchmark (or those named), print the table, write reports/out/bench.json."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import bench
from bench.common import Row


def main(wanted: list[str]) -> int:
    names = [m.name for m in pkgutil.iter_modules(bench.__path__) if m.name.startswith("bench_")]
    unknown = [w for w in wanted if f"bench_{w}" not in names]
    if unknown:
        print(f"no benchmark named {unknown}; there are {[n.removeprefix('bench_') for n in names]}")
        return 2
    rows: list[Row] = []
    for name in names:
        if wanted and name.removeprefix("bench_") not in wanted:
            continue
        for row in importlib.import_module(f"bench.{name}").rows():
            rows.append(row)
            verdict = {True: "met", False: "MISSED", None: ""}[row.met]
            target = "" if row.target is None else f"{row.better} {row.target:g}"
            print(
                f"{row.name:58} {row.ours:12.4g} {row.peer:12.4g} {row.unit:8} "
                f"{row.ratio:8.2f} x {target:9} {verdict:7} {row.peer_name}",
                flush=True,
            )
    out = Path("reports/out/bench.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    known = {r["name"]: r for r in json.loads(out.read_text())} if out.exists() and wanted else {}
    known |= {row.name: row.as_dict() for row in rows}
    out.write_text(json.dumps(list(known.values()), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
