"""Declare the tasks of files: reports and ``tasks:`` blocks (YAML), task modules, notebooks."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from schedkit.app import App
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Task
from schedkit.core.tasks.block import yaml_tasks
from schedkit.core.tasks.declare import marked
from schedkit.core.tasks.discover import Problem, module_tasks, said_later
from schedkit.core.tasks.origin import declared_in
from schedkit.errors import SchedkitError, SettingsError, TriggerError, UsageError
from schedkit.report import NotebookReport, Report
from schedkit.report.load import read_text, reports_of
from schedkit.values.yaml import Document, parse_yaml_all

__all__ = ["Declared", "check_file"]

SUFFIXES = (".yaml", ".yml", ".py", ".ipynb")


def check_file(path: Path) -> None:
    """Refuse a file that cannot declare tasks, before a ledger is created for it.

    Raises
    ------
    UsageError
        It is not a report, a task module or a notebook, or does not exist.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"unsupported file type: {path}",
            hint="use a report (.yaml), a task module (.py) or a notebook (.ipynb)",
        )
    if not path.is_file():
        raise UsageError(
            f"cannot read {path}: no such file", hint="give the path of a report, a task module or a notebook"
        )


class Declared:
    """The tasks that files have declared on a scheduler, by name, and those that could not be declared.

    Parameters
    ----------
    project : App
        The project whose sites and settings the reports use.
    scheduler : Scheduler
        Where the tasks are declared; ``Scheduler()`` inside a module or notebook returns it.
    scheduled : bool
        Whether reports run on their schedule, or only when submitted.
    """

    def __init__(self, project: App, scheduler: Scheduler, *, scheduled: bool) -> None:
        self.project = project
        self.scheduler = scheduler
        self.scheduled = scheduled
        self.names: dict[str, str] = {}
        self.problems: list[Problem] = []
        # Modules imported by the files executed so far: their tasks are declared already.
        self._imported: dict[Path, ModuleType] = {}
        project.current = scheduler

    def file(self, path: Path) -> None:
        """Declare the tasks of a file.

        Raises
        ------
        UsageError
            The file cannot be read or declares nothing, or a name is taken already.
        """
        check_file(path)
        known = len(self.names) + len(self.problems)
        imported = path.resolve() in self._imported
        before = set(sys.modules)
        {".py": self._module, ".ipynb": self._notebook}.get(path.suffix, self._yaml)(path)
        self._note_imports(before)
        if len(self.names) + len(self.problems) == known and not imported:
            raise UsageError(
                f"{path} declares no task", hint="decorate a function with @sched.task(…), or name it run()"
            )

    def tasks(self, tasks: Iterable[Task], where: str) -> None:
        """Add tasks; those that are refused are added to `problems`."""
        for task in tasks:
            try:
                self._free(task.name, where)
                self.scheduler.add(task)
                self.names[task.name] = where
            except UsageError as error:
                self.problems.append(Problem(f"task {task.name!r}", str(error)))

    def _free(self, name: str, where: str) -> None:
        if name in self.names:
            raise UsageError(
                f"{where}: the name {name!r} is already used by {self.names[name]}",
                hint="choose another name",
            )

    def _yaml(self, path: Path) -> None:
        documents = list(parse_yaml_all(read_text(path), str(path)))
        if not documents:
            raise SettingsError(f"{path} contains no report", hint="write name:, extract: and deliver:")
        for document in documents:
            if isinstance(document.value, dict) and "tasks" in document.value:
                self._block(document, path)
            else:
                self._report(document, path)

    def _report(self, document: Document, path: Path) -> None:
        for report in reports_of(document):
            self._add_report(report.of_file(path), document)

    def _add_report(self, report: Report | NotebookReport, document: Document) -> None:
        where = document.where(("name",))
        try:
            self._free(report.name, where)
            if isinstance(report, Report):
                self.project.check_report(report, document.where)
                self.project.add_report(self.scheduler, report, scheduled=self.scheduled)
            else:
                from schedkit.notebook.notebook_task import add_notebook  # needs IPython

                add_notebook(self.scheduler, report, self.project.root, scheduled=self.scheduled)
            self.names[report.name] = where
        except UsageError as error:
            if error.message.startswith(document.name):
                raise
            at = document.where(("schedule",) if isinstance(error, TriggerError) else ("task",))
            raise SettingsError(f"{at}: {error.message}", hint=error.hint) from None

    def _block(self, document: Document, path: Path) -> None:
        _make_importable(path)
        try:
            found = yaml_tasks(
                document.value["tasks"] or {},
                package=document.value.get("package", "tasks"),
                known={name: handle.task for name, handle in self.scheduler.tasks.items()},
                tell=said_later,
                where=lambda name: document.where(("tasks", name)),
            )
        except SettingsError as error:
            raise SettingsError(f"{document.where(('tasks',))}: {error.message}", hint=error.hint) from None
        self.problems += found.problems
        with declared_in(path.resolve()):
            self.tasks(found.tasks, document.where(("tasks",)))

    def _module(self, path: Path) -> None:
        before = self._functions()
        module = self._imported.get(path.resolve())
        if module is None:
            module = _executed(path)
            self._new_since(before, path)
        own = [name for name, file in self.scheduler.process.files().items() if file == path.resolve()]
        offered = [
            task
            for task in module_tasks(module)
            # A module that declares tasks itself may have a helper called run.
            if not own or marked(task.function) or not inspect.isfunction(task.function)
        ]
        with declared_in(path.resolve()):
            self.tasks(offered, str(path))

    def _notebook(self, path: Path) -> None:
        from schedkit.notebook.execute import execute  # needs IPython

        before = self._functions()
        execute(path)
        self._new_since(before, path)

    def _note_imports(self, before: set[str]) -> None:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file:
                self._imported[Path(file).resolve()] = sys.modules[name]

    def _functions(self) -> dict[str, Task]:
        return {name: handle.task for name, handle in self.scheduler.tasks.items()}

    def _new_since(self, before: dict[str, Task], path: Path) -> list[str]:
        new = [name for name, task in self._functions().items() if before.get(name) is not task]
        for name in new:
            self._free(name, str(path))
            self.names[name] = str(path)
        return new


def _executed(path: Path) -> ModuleType:
    """Execute a module under the name by which other modules and child processes import it."""
    folder, parts = path.resolve().parent, [path.stem]
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    _make_importable(folder / path.name)
    try:
        if len(parts) > 1:
            return importlib.import_module(".".join(parts))
        spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except SchedkitError:
        raise
    except (Exception, SystemExit) as error:
        what = error.msg if isinstance(error, SyntaxError) else error
        raise UsageError(f"{_place(error, path)}: {type(error).__name__}: {what}") from None


def _make_importable(path: Path) -> None:
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _place(error: BaseException, path: Path) -> str:
    """Return ``file:line`` where a module's own code failed."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}" if error.lineno else str(path)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    return f"{path}:{own[-1]}" if own else str(path)
