"""What figures are called on pages, pictures and sheets, by the name of their function."""

from __future__ import annotations

__all__ = ["TITLES"]

TITLES = {
    "throughput": "Throughput",
    "cycle_percentiles": "Cycle time",
    "control_chart": "Control chart",
    "cycle_histogram": "Cycle time histogram",
    "cumulative_flow": "Cumulative flow",
    "work_in_progress": "Work in progress",
    "ageing": "Ageing work in progress",
    "ageing_bands": "Age when leaving a status",
    "flow_balance": "Arrivals and departures",
    "littles_law": "Little's law",
    "flow_efficiency": "Flow efficiency",
    "blocked_time": "Blocked time",
    "returns": "Returns",
    "sprint_report": "Sprint report",
    "burndown": "Burndown",
    "velocity": "Velocity",
    "predictability": "Predictability",
    "forecast_when": "Forecast: when",
    "forecast_how_many": "Forecast: how many",
    "backtest": "How often such forecasts held",
    "data_quality": "Quality of the data",
    "burnup": "Burnup",
    "cycle_times": "Cycle times",
    "service_times": "Service times",
    "sla_attainment": "Attainment of the goal",
    "time_in_status": "Time in status",
}
