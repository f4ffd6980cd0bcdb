"""Settings: ``schedkit.yaml`` in the project's root, then the environment, which wins."""

from schedkit.settings.model import (
    FILE_NAME,
    ChannelSettings,
    NotifySettings,
    SchedulerSettings,
    Settings,
    SiteSettings,
    StandingPageSettings,
    expanded,
    load_settings,
    project_root,
)

__all__ = [
    "FILE_NAME",
    "ChannelSettings",
    "NotifySettings",
    "SchedulerSettings",
    "Settings",
    "SiteSettings",
    "StandingPageSettings",
    "expanded",
    "load_settings",
    "project_root",
]
