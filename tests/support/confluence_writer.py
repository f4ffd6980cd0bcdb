"""One of several processes that write regions of one page; its order comes on stdin, its report is JSON."""

from __future__ import annotations

import json
import sys

import pandas as pd

from schedkit.confluence import Confluence


def main() -> None:
    order = json.loads(sys.stdin.readline())
    table = (
        Confluence(order["url"], order.get("user"), order["token"])
        .page(order["page"])
        .table(f"anchor:r{order['region']}")
    )
    written = puts = conflicts = 0
    for number in range(1, order["rounds"] + 1):
        frame = pd.DataFrame({"Key": ["K-1"], "N": [f"round {number}"]})
        applied = table.replace(frame, key="Key", keep=["Comment"]).apply()
        written += applied.written
        puts += applied.puts
        conflicts += applied.conflicts
    print(json.dumps({"written": written, "puts": puts, "conflicts": conflicts}))


if __name__ == "__main__":
    main()
