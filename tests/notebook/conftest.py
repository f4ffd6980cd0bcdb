"""A real IPython shell whose displays are kept, a scheduler, and the browser's end of a comm."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import comm
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from support.notebook_shell import Front, KeptComm, Shell
from traitlets.config import Config

from schedkit.core.api.scheduler import Scheduler


@pytest.fixture(scope="session")
def _one_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    home: Path = tmp_path_factory.mktemp("ipython")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(home))
        config = Config()
        config.HistoryManager.enabled = False
        InteractiveShell.clear_instance()
        main = sys.modules["__main__"]
        shell = InteractiveShell.instance(config=config)
        sys.modules["__main__"] = main  # what other tests of this process spawn asks it for its __spec__
        shell.display_pub = CapturingDisplayPublisher(parent=shell)
        yield shell
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(_one_shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setitem(sys.modules, "__main__", _one_shell.user_module)
    _one_shell.display_pub.outputs.clear()
    _one_shell.reset(new_session=False)
    return Shell(_one_shell)


@pytest.fixture
def sched(tmp_path: Path) -> Iterator[Scheduler]:
    with Scheduler(tmp_path / "panels.db") as scheduler:
        yield scheduler


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    monkeypatch.setattr(comm, "create_comm", KeptComm)
    front = Front()
    yield front
    front.close()
