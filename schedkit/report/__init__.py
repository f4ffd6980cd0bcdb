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
from schedkit.report.pipeline import Tools, run_report

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
