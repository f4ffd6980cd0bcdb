"""A program that runs a report which appends to a workbook and then writes a page; made to be killed.

Run as ``python killed_report.py ARGUMENTS``, a JSON object: the folder `root`, the `sites` by name as kind,
address, user and token, and whether to `submit` a run; otherwise those that the ledger has come to their end.
It prints the state and the attempt of each run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from schedkit.app import App
from schedkit.report import loads_reports
from schedkit.settings import SchedulerSettings, Settings, SiteSettings

REPORT = """
name: weekly
extract: {site: a, jql: "type = Bug", fields: [Key, Summary]}
deliver:
  - excel: {path: "weekly.xlsx", mode: append}
  - confluence: {site: w, page: "100001", region: "anchor:mine", key: Key, create: end, columns: [Key]}
"""


def main(arguments: dict[str, Any]) -> None:
    root = Path(arguments["root"])
    sites = {
        name: SiteSettings(kind=kind, url=url, user=user, token=SecretStr(token), cloud=True)
        for name, (kind, url, user, token) in arguments["sites"].items()
    }
    settings = Settings(sites=sites, scheduler=SchedulerSettings(ledger=str(root / "ledger.db")))
    app = App(settings, root)
    (report,) = loads_reports(REPORT)
    with app.scheduler() as scheduler:
        weekly = app.add_report(scheduler, report, scheduled=False)
        if arguments["submit"]:
            weekly.submit()
        for run in scheduler.runs():
            scheduler.run(run.id).wait("60s")
        print(json.dumps([(str(run.state), run.attempt) for run in scheduler.runs()]))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
