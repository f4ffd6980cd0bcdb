"""Writing back: plans that show old → new, and do it once."""

from schedkit.jira.write.plan import AsyncPlan, Plan

__all__ = ["AsyncPlan", "Plan"]
