"""Each test has a project of its own."""

from __future__ import annotations

from support.projects import project

__all__ = ["project"]
