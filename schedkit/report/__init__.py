"""Declared reports: extract → shape → check → deliver, from YAML or Python."""

from schedkit.report.check import Check, expect
from schedkit.report.definition import NotebookReport, Report, ReportTask
from schedkit.report.deliver import Deliver
from schedkit.report.documented import document_models
from schedkit.report.load import load_reports, loads_reports
from schedkit.report.metrics_page import publish_pack
from schedkit.report.metrics_workbook import write_pack
from schedkit.report.models import Strict
from schedkit.report.params import Param
from schedkit.report.pipeline import run_report
from schedkit.report.schedule import Schedule
from schedkit.report.schema import report_schema
from schedkit.report.sources import Extract
from schedkit.report.steps import Shape
from schedkit.report.tools import Tools

__all__ = [
    "Check",
    "Deliver",
    "Extract",
    "NotebookReport",
    "Param",
    "Report",
    "ReportTask",
    "Schedule",
    "Shape",
    "Tools",
    "expect",
    "load_reports",
    "loads_reports",
    "publish_pack",
    "report_schema",
    "run_report",
    "write_pack",
]

document_models(Strict)
