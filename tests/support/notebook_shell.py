"""What widgets talk to: an IPython shell of this process, and the browser's end of a panel's comm."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
from comm.base_comm import BaseComm
from IPython.core.interactiveshell import InteractiveShell
from support.waiting import wait_until

from schedkit.notebook.live_panel import Panel


class Shell:
    """The shell, and what was displayed: dicts with data, transient and update."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.outputs: list[dict[str, Any]] = shell.display_pub.outputs

    def run(self, code: str) -> Any:
        result = self.shell.run_cell(code)
        result.raise_error()
        return result.result


class KeptComm(BaseComm):
    """A comm whose messages are kept with the thread that sent them."""

    _reply_subshell_for: Any = "ipykernel's private router"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[tuple[str, dict[str, Any], list[bytes]]] = []
        super().__init__(*args, **kwargs)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
    ) -> None:
        self.sent.append((threading.current_thread().name, data or {}, list(buffers or ())))


class Front:
    """The browser's end: says what a click says, and hears what the panel publishes."""

    def __init__(self) -> None:
        self._panels: list[Panel] = []
        self._tickets = 0

    def panel(self, *args: Any, **kwargs: Any) -> Panel:
        panel = Panel(*args, **kwargs)
        self._panels.append(panel)
        return panel

    def close(self) -> None:
        for panel in self._panels:
            panel.close()

    def say(self, panel: Panel, **command: Any) -> int:
        """Send a command as a click does; returns its ticket."""
        self._tickets += 1
        content = {"method": "custom", "content": {**command, "ticket": self._tickets}}
        panel.comm.handle_msg({"content": {"data": content}, "buffers": []})
        return self._tickets

    def ask(self, panel: Panel, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        ticket = self.say(panel, **command)
        return wait_until(lambda: self._answer(panel, ticket))

    def _answer(self, panel: Panel, ticket: int) -> dict[str, Any] | None:
        for _, data, buffers in list(panel.comm.sent):
            content = data.get("content", {})
            if content.get("kind") == "answer" and content["ticket"] == ticket:
                return {**content, "buffers": buffers}
        return None

    def board(self, panel: Panel) -> list[dict[str, Any]]:
        """Return the board's messages so far, oldest first."""
        return [
            msgspec.json.decode(buffers[0])
            for _, data, buffers in list(panel.comm.sent)
            if data.get("content", {}).get("kind") == "board"
        ]
