"""Settings: ``schedkit.yaml`` in the project's root, then the environment, which wins."""

from schedkit.settings.load import Loaded, load_settings, read_settings
from schedkit.settings.model import (
    JSON_FORMAT,
    ChannelSettings,
    LogSettings,
    NotifySettings,
    OAuth2Settings,
    RuleSettings,
    SchedulerSettings,
    Settings,
    SiteSettings,
    StandingPageSettings,
)
from schedkit.settings.project import FILE_NAME, SETTINGS_VARIABLE, Project, find_project, project_root
from schedkit.settings.task_names import unmatched_tasks

__all__ = [
    "FILE_NAME",
    "JSON_FORMAT",
    "SETTINGS_VARIABLE",
    "ChannelSettings",
    "Loaded",
    "LogSettings",
    "NotifySettings",
    "OAuth2Settings",
    "Project",
    "RuleSettings",
    "SchedulerSettings",
    "Settings",
    "SiteSettings",
    "StandingPageSettings",
    "find_project",
    "load_settings",
    "project_root",
    "read_settings",
    "unmatched_tasks",
]
