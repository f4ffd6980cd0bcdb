"""jira-agile-metrics on issues that a file holds; run by its own interpreter, prints the seconds it took."""

import json
import sys
import time

from jira_agile_metrics.calculator import run_calculators
from jira_agile_metrics.config import CALCULATORS, config_to_options
from jira_agile_metrics.conftest import FauxChange, FauxFieldValue, FauxIssue, FauxJIRA
from jira_agile_metrics.querymanager import QueryManager

FIELDS = [
    {"id": id, "name": name}
    for id, name in (
        ("summary", "Summary"),
        ("issuetype", "Issue type"),
        ("status", "Status"),
        ("resolution", "Resolution"),
        ("created", "Created"),
        ("flagged", "Flagged"),
    )
]
CONFIG = """
Query: project = PRJ
Workflow:
{workflow}
Output:
  Backlog column: To Do
  Committed column: In Progress
  Done column: Done
  Cycle time data: cycle.csv
  CFD data: cfd.csv
  Scatterplot data: scatter.csv
  Histogram data: histogram.csv
  Throughput data: throughput.csv
  Percentiles data: percentiles.csv
"""


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    changes: dict = {}
    for key, at, field, was, now in given["changes"]:
        changes.setdefault(key, []).append(FauxChange(at, [(field, was, now)]))
    issues = [
        FauxIssue(
            key,
            changes.get(key, []),
            summary=key,
            issuetype=FauxFieldValue("Story", "Story"),
            status=FauxFieldValue(status, status),
            resolution=None,
            resolutiondate=None,
            created=born,
        )
        for key, born, status in given["issues"]
    ]
    columns: dict = {}
    for status, category in given["statuses"]:
        columns.setdefault(category, []).append(status)
    workflow = "\n".join(f"  {name}: [{', '.join(statuses)}]" for name, statuses in columns.items())
    options = config_to_options(CONFIG.format(workflow=workflow))
    settings = options["settings"]
    begin = time.perf_counter()
    run_calculators(CALCULATORS, QueryManager(FauxJIRA(FIELDS, issues), settings), settings)
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main(sys.argv[1])
