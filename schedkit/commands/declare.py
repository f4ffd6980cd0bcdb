"""Declare the tasks of files: reports and ``tasks:`` blocks (YAML), task modules, notebooks."""

from __future__ import annotations

import dataclasses
import inspect
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from schedkit.app import App
from schedkit.commands.execute_module import execute_module, make_importable
from schedkit.commands.parameters import parameters_of
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Task
from schedkit.core.tasks.block import yaml_tasks
from schedkit.core.tasks.declare import marked
from schedkit.core.tasks.discover import Problem, module_tasks, said_later
from schedkit.core.tasks.origin import declared_in
from schedkit.core.tasks.params import parameters
from schedkit.errors import SettingsError, TriggerError, UsageError
from schedkit.loop import process_singletons
from schedkit.report import NotebookReport, Report
from schedkit.report.load import read_text, reports_of
from schedkit.settings import Settings
from schedkit.settings.accepted import SECTIONS
from schedkit.values.options import refuse_unknown
from schedkit.values.text import near_matches
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
            hint=_or_near(path, "use a report (.yaml), a task module (.py) or a notebook (.ipynb)"),
        )
    if not path.is_file():
        raise UsageError(
            f"cannot read {path}: no such file",
            hint=_or_near(path, "give the path of a report, a task module or a notebook"),
        )


def _or_near(path: Path, otherwise: str) -> str:
    """Return the hint for a path of no such file: the files beside it that may be meant, else `otherwise`."""
    if path.exists() or not path.parent.is_dir():
        return otherwise
    # By its name: two paths of one folder are alike already.
    near = near_matches(path.name, [each.name for each in path.parent.iterdir() if each.suffix in SUFFIXES])
    names = " or ".join(repr(str(path.with_name(each))) for each in near)
    return f"did you mean {names}?" if near else otherwise


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
    given : mapping, optional
        Parameters as text, by name: each task gets those that it takes.
    """

    def __init__(
        self,
        project: App,
        scheduler: Scheduler,
        *,
        scheduled: bool,
        given: Mapping[str, str] | None = None,
    ) -> None:
        self.project = project
        self.scheduler = scheduler
        self.scheduled = scheduled
        self.names: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._given = dict(given or {})
        self._used: set[str] = set()
        self._of_file: dict[Path, dict[str, str]] = {}
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
        known, names = len(self.names) + len(self.problems), set(self.names)
        imported = path.resolve() in self._imported
        before, elsewhere = set(sys.modules), self._elsewhere()
        {".py": self._module, ".ipynb": self._notebook}.get(path.suffix, self._yaml)(path)
        self._note_imports(before)
        if len(self.names) + len(self.problems) == known and not imported:
            raise self._nothing_declared(path, elsewhere)
        own = {name: where for name, where in self.names.items() if name not in names}
        self._of_file[path.resolve()] = own
        self._give(own)

    def _elsewhere(self) -> dict[Scheduler, set[str]]:
        """Return the tasks that are declared on other schedulers of this process."""
        others: list[Scheduler] = process_singletons("scheduler ")
        return {other: set(other.process.codes) for other in others if other is not self.scheduler}

    def _nothing_declared(self, path: Path, before: Mapping[Scheduler, set[str]]) -> UsageError:
        """Return what to say of a file that has declared nothing here; it may name a ledger of its own."""
        for other, tasks in self._elsewhere().items():
            if new := tasks - before.get(other, set()):
                names = ", ".join(map(repr, sorted(new)[:3]))
                return UsageError(
                    f"{path} declares its tasks ({names}) on a ledger of its own, {other.ledger}; this "
                    f"command runs those of {self.scheduler.ledger}",
                    hint=f"write Scheduler() in the file, or add --ledger {shlex.quote(other.ledger)}",
                )
        return UsageError(
            f"{path} declares no task", hint="decorate a function with @sched.task(…), or name it run()"
        )

    def _give(self, names: Iterable[str]) -> None:
        """Declare tasks with those of the given parameters that they take."""
        for name in names if self._given else ():
            task = self.scheduler.tasks[name].task
            takes = parameters(task.function) if task.function is not None else None
            own = {
                word: text
                for word, text in self._given.items()
                if takes is not None and (takes.open or word in takes.by_name)
            }
            if own:
                self._used |= set(own)
                params = {**task.params, **parameters_of(own, task)}
                with declared_in(self.scheduler.process.files().get(name) or ""):
                    self.scheduler.add(dataclasses.replace(task, params=params))

    def refuse_unused_parameters(self) -> None:
        """Refuse a given parameter that no task takes.

        Raises
        ------
        UsageError
            Names it, and the parameters that there are.
        """
        known: set[str] = set()
        for name in self.names:
            function = self.scheduler.tasks[name].task.function
            known |= set(parameters(function).by_name) if function is not None else set()
        unused = [f"-p {name}" for name in self._given if name not in self._used]
        if unused:
            hint = f"parameters: {', '.join(sorted(known))}" if known else "these tasks have no parameters"
            raise UsageError(f"{', '.join(unused)}: no task takes it", hint=hint)

    def again(self, path: Path) -> list[str]:
        """Declare the tasks of an edited file again; return those that it no longer declares.

        Raises
        ------
        SchedkitError
            The file cannot be read or understood; its tasks stay as they were.
        """
        place = path.resolve()
        old, problems = self._of_file.get(place, {}), self.problems
        module = self._imported.pop(place, None)
        self.names = {name: where for name, where in self.names.items() if name not in old}
        self.problems = []
        try:
            self.file(path)
        except BaseException:
            self.names |= old
            self.problems = problems
            if module is not None:
                self._imported[place] = module
            raise
        return sorted(old.keys() - self.names.keys() - {problem.where for problem in self.problems})

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

    def settings(self) -> None:
        """Declare the tasks of the project's settings."""
        settings, place = self.project.settings, self.project.file
        self._block(settings.tasks, settings.package, place, lambda name: f"{place.name}: task {name!r}")

    def _yaml(self, path: Path) -> None:
        documents = list(parse_yaml_all(read_text(path), str(path)))
        if not documents:
            raise SettingsError(f"{path} contains no report", hint="write name:, extract: and deliver:")
        # All of the file is read before any of it is declared: a mistake further down leaves all as it was.
        reports = [[] if _is_block(document) else self._checked(document, path) for document in documents]
        for document, found in zip(documents, reports, strict=True):
            if _is_block(document):
                self._tasks_of(document, path)
            for report in found:
                self._add_report(report, document)

    def _checked(self, document: Document, path: Path) -> list[Report | NotebookReport]:
        reports = [report.of_file(path) for report in reports_of(document)]
        for report in reports:
            if isinstance(report, Report):
                self.project.check_report(report, document.where)
        return reports

    def _add_report(self, report: Report | NotebookReport, document: Document) -> None:
        where = document.where(("name",))
        try:
            self._free(report.name, where)
            if isinstance(report, Report):
                self.project.add_report(self.scheduler, report, scheduled=self.scheduled)
                self._warn_of_unreachable(report, document)
            else:
                from schedkit.notebook.notebook_task import add_notebook  # needs IPython

                add_notebook(self.scheduler, report, self.project.root, scheduled=self.scheduled)
            self.names[report.name] = where
        except UsageError as error:
            if error.message.startswith(document.name):
                raise
            at = document.where(("schedule",) if isinstance(error, TriggerError) else ("task",))
            raise SettingsError(f"{at}: {error.message}", hint=error.hint) from None

    def _warn_of_unreachable(self, report: Report, document: Document) -> None:
        """Note sites that do not answer now: they may be back when the report is due."""
        if self.scheduled:
            for place, words in self.project.unreachable(report):
                self.warnings.append(f"{document.where(place)}: {words}")

    def _tasks_of(self, document: Document, path: Path) -> None:
        """Declare the `tasks:` block of a file, whose other sections are settings and not read here."""
        known = (*Settings.model_fields, *SECTIONS)
        unknown = [name for name in document.value if name not in known]
        if unknown:
            refuse_unknown(unknown, known, document.where((unknown[0],)), error=SettingsError)
        package = document.value.get("package")
        try:
            self._block(
                document.value["tasks"] or {}, package, path, lambda name: document.where(("tasks", name))
            )
        except SettingsError as error:
            raise SettingsError(f"{document.where(('tasks',))}: {error.message}", hint=error.hint) from None

    def _block(self, block: Any, package: str | None, path: Path, where: Callable[[str], str]) -> None:
        folder = _folder_of(package, path)
        make_importable(folder / path.name)
        found = yaml_tasks(
            block,
            package=package or _default_package(folder),
            known={name: handle.task for name, handle in self.scheduler.tasks.items()},
            tell=said_later,
            where=where,
        )
        self.problems += found.problems
        with declared_in(path.resolve()):
            self.tasks(found.tasks, str(path))

    def _module(self, path: Path) -> None:
        before = self._functions()
        module = self._imported.get(path.resolve())
        if module is None:
            module = execute_module(path, again=path.resolve() in self._of_file)
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


def _is_block(document: Document) -> bool:
    return isinstance(document.value, dict) and "tasks" in document.value


PACKAGES = ("tasks", "scheduler.tasks")


def _folder_of(package: str | None, path: Path) -> Path:
    """Return the folder that holds the package of a block: the block's own, or the one above it."""
    for folder in (path.resolve().parent, path.resolve().parent.parent):
        for name in PACKAGES if package is None else (package,):
            if name and (folder / Path(*name.split("."))).is_dir():
                return folder
    return path.resolve().parent


def _default_package(folder: Path) -> str:
    return next((name for name in PACKAGES if (folder / Path(*name.split("."))).is_dir()), PACKAGES[0])
