"""schedkit: scheduled Jira extractions as DataFrames, Excel workbooks and Confluence tables."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schedkit import context, errors, excel
    from schedkit.app import Scheduler, site
    from schedkit.confluence import Confluence
    from schedkit.core.model import After, Retry
    from schedkit.core.run import TaskResult
    from schedkit.core.tasks.base import BaseTask
    from schedkit.core.tasks.declare import task
    from schedkit.core.triggers.constructors import all_of, any_of, at, calendar, cron, every
    from schedkit.errors import FatalError, RetryableError
    from schedkit.jira import Jira
    from schedkit.report.check import expect

__version__ = "0.2.0.dev0"

# Imported at first use: `import schedkit` loads neither pandas nor ipywidgets nor SQLAlchemy.
_EXPORTS = {
    "After": "schedkit.core.model:After",
    "BaseTask": "schedkit.core.tasks.base:BaseTask",
    "Confluence": "schedkit.confluence:Confluence",
    "FatalError": "schedkit.errors:FatalError",
    "Jira": "schedkit.jira:Jira",
    "Retry": "schedkit.core.model:Retry",
    "RetryableError": "schedkit.errors:RetryableError",
    "Scheduler": "schedkit.app:Scheduler",
    "TaskResult": "schedkit.core.run:TaskResult",
    "all_of": "schedkit.core.triggers.constructors:all_of",
    "any_of": "schedkit.core.triggers.constructors:any_of",
    "at": "schedkit.core.triggers.constructors:at",
    "calendar": "schedkit.core.triggers.constructors:calendar",
    "context": "schedkit.context",
    "cron": "schedkit.core.triggers.constructors:cron",
    "errors": "schedkit.errors",
    "every": "schedkit.core.triggers.constructors:every",
    "excel": "schedkit.excel",
    "expect": "schedkit.report.check:expect",
    "site": "schedkit.app:site",
    "task": "schedkit.core.tasks.declare:task",
}

__all__ = [
    "After",
    "BaseTask",
    "Confluence",
    "FatalError",
    "Jira",
    "Retry",
    "RetryableError",
    "Scheduler",
    "TaskResult",
    "__version__",
    "all_of",
    "any_of",
    "at",
    "calendar",
    "context",
    "cron",
    "errors",
    "every",
    "excel",
    "expect",
    "site",
    "task",
]


def __getattr__(name: str) -> Any:
    target = _EXPORTS.get(name)
    if target is None:
        raise AttributeError(f"module 'schedkit' has no attribute {name!r}")
    module, _, attribute = target.partition(":")
    value = importlib.import_module(module)
    return getattr(value, attribute) if attribute else value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Make ``%load_ext schedkit`` define ``%%task`` and ``%schedkit``."""
    importlib.import_module("schedkit.notebook.magics").load(shell)


if "IPython" in sys.modules:
    importlib.import_module("schedkit.notebook")
