"""Declared reports: extract → shape → check → deliver, from YAML or Python."""

from schedkit.report.definition import (
    Check,
    Deliver,
    Extract,
    Report,
    ReportTask,
    Schedule,
    Shape,
)
from schedkit.report.load import load_reports, loads_reports
from schedkit.report.pipeline import run_report
from schedkit.report.tools import Tools

__all__ = [
    "Check",
    "Deliver",
    "Extract",
    "Report",
    "ReportTask",
    "Schedule",
    "Shape",
    "Tools",
    "load_reports",
    "loads_reports",
    "run_report",
]
