"""Live panels and bars in a notebook: thin faces over the board and over what surrounds a call."""

from __future__ import annotations

from schedkit.widgets.faces import display, panel
from schedkit.widgets.live_panel import Panel

__all__ = ["Panel", "display", "panel"]
