"""The builder: a form that composes an extraction, tries it, and submits, schedules or saves it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import Any, cast

import anyio.to_thread

from schedkit import context
from schedkit.app import App
from schedkit.core.api.frames import frame_text
from schedkit.core.board.html import table_html
from schedkit.errors import SchedkitError
from schedkit.loop import service
from schedkit.notebook.draft import Draft, save, saved, upcoming
from schedkit.notebook.publisher import publisher
from schedkit.report.extract import extract
from schedkit.values.extras import requires_extra

with requires_extra("notebook", "forms"):
    import ipywidgets
    from IPython.display import display

__all__ = ["Builder"]

WIDE = ipywidgets.Layout(width="min(640px, 98%)")
_display = cast(Callable[[Any], None], display)
LABEL = {"description_width": "110px"}
BESIDE = {"width": "110px", "justify_content": "flex-end", "margin": "2px 8px 2px 2px"}
PREVIEW = "overflow:auto;max-height:320px;white-space:nowrap;line-height:1.4"
GOOD, BAD = "#17794a", "#bf2c2c"


NO_SITE = (
    "The settings name no Jira yet: write sites: {demo: {kind: jira, url: https://issues.example.org}} into "
    "schedkit.yaml (`schedkit new project` makes one), and restart the kernel."
)


class Builder(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A form over a project's sites; what it makes is an ordinary report.

    Parameters
    ----------
    project : App
        Whose sites and folders it uses.
    scheduler : Scheduler
        Where the report is submitted and scheduled.
    """

    def __init__(self, project: App, scheduler: Any) -> None:
        self._project = project
        self._scheduler = scheduler
        self._folder = project.root / "reports"
        self._scheduled: set[str] = set()
        sites = project.settings.sites
        jiras = [name for name, site in sites.items() if site.kind == "jira"]
        wikis = [name for name, site in sites.items() if site.kind == "confluence"]
        self.name = _text("Name", "open-bugs")
        self.site = _choice("Site", jiras)
        self.source = _choice("Ask by", [("JQL", "jql"), ("Project", "project"), ("Root ticket", "root")])
        self.question = ipywidgets.Textarea(
            description="Question",
            placeholder="type = Bug AND statusCategory != Done",
            rows=2,
            layout=WIDE,
            style=LABEL,
        )
        self.fields = ipywidgets.TagsInput(allow_duplicates=False, layout={"flex": "1"})
        self.schedule = _text("Schedule", "every 1h, or 0 7 * * mon-fri; empty: on demand")
        self.times = ipywidgets.HTML()
        self.workbook = _text("Workbook", "reports/out/open-bugs.xlsx")
        self.wiki = _choice("Wiki", ["", *wikis])
        self.page = _text("Page id", "100001")
        self.region = _text("Table", "anchor:open-bugs")
        self.metrics = _text("Metrics", "reports/out/metrics.xlsx; empty: no metrics")
        self.metrics_page = _text("Metrics page", "Team metrics: the title of a page in the wiki")
        self.split_by = _text("Split by", "Type")
        self.words = ipywidgets.HTML(value="" if jiras else escape(NO_SITE))
        self.preview = ipywidgets.HTML()
        self.buttons = [
            self._button("Check", "Ask the site whether it understands", self.check),
            self._button("Try with 50 rows", "Fetch the first rows and show them", self.attempt),
            self._button("Run now", "Submit it once", self.submit, "primary"),
            self._button("Schedule", "Put it on its schedule in this process", self.put_on_schedule),
            self._button("Save as YAML", "Write it into reports/", self.save),
        ]
        self.schedule.observe(lambda _: self._show_times(), "value")
        self.site.observe(lambda _: self._fetch_fields(), "value")
        self._show_times()
        label = ipywidgets.Label(
            "Fields", layout={"width": "110px", "justify_content": "flex-end", "margin": "2px 8px 2px 2px"}
        )
        labelled = ipywidgets.HBox([label, self.fields], layout=WIDE)
        self.times.layout.margin = "0 0 4px 118px"
        super().__init__(
            [
                *(self.name, self.site, self.source, self.question, labelled, self.schedule, self.times),
                *(self.workbook, self.wiki, self.page, self.region),
                *(self.metrics, self.metrics_page, self.split_by),
                *(ipywidgets.HBox(self.buttons, layout={"flex_flow": "row wrap"}), self.words, self.preview),
            ]
        )
        self._fetch_fields()

    def show(self) -> None:
        """Display the form."""
        _display(self)

    @property
    def draft(self) -> Draft:
        """What the form says now."""
        return Draft(
            name=self.name.value,
            site=self.site.value or "",
            source=self.source.value,
            question=self.question.value,
            fields=tuple(self.fields.value),
            schedule=self.schedule.value,
            workbook=self.workbook.value,
            wiki=self.wiki.value,
            page=self.page.value,
            region=self.region.value,
            metrics=self.metrics.value,
            metrics_page=self.metrics_page.value,
            split_by=self.split_by.value,
        )

    def check(self) -> str:
        """Validate the whole form, the question by asking the site for one row."""
        self.draft.report()
        frame = extract(self.draft.trial().model_copy(update={"limit": 1}), self._project.tools())
        return f"{self.draft.site} understands the question" + (
            "" if len(frame) else ", and no issue matches now"
        )

    def attempt(self) -> str:
        """Fetch at most 50 rows and show them."""
        frame = extract(self.draft.trial(), self._project.tools())
        text = frame_text(frame)
        html = table_html(text["columns"], [[escape(cell) for cell in row] for row in text["data"]])
        box = f'<div style="{PREVIEW}">{html}</div>'
        publisher().post(lambda: setattr(self.preview, "value", box))
        return f"{len(frame)} rows; nothing was written"

    def submit(self) -> str:
        """Run the report once, through the scheduler."""
        task = self._project.add_report(self._scheduler, self.draft.report(), scheduled=False)
        return f"run {task.submit().id} of {task.name} is queued; the panel shows it"

    def put_on_schedule(self) -> str:
        """Declare the report with its schedule."""
        report, path = self.draft.report(), saved(self.draft, self._folder)
        words, _ = upcoming(self.schedule.value, datetime.now(UTC))
        self._project.add_report(self._scheduler, report.of_file(path) if path else report)
        self._scheduled.add(report.name)
        kept = "" if path else "; save it to keep it for `schedkit run`"
        return f"{report.name} runs {words}, in this process{kept}"

    def save(self) -> str:
        """Write the report into ``reports/``."""
        path = save(self.draft, self._folder)
        if self.draft.name.strip() in self._scheduled:
            self.put_on_schedule()  # now that it has a file, another process can take it over
        return f"saved as {path.relative_to(self._project.root)}"

    def _button(self, words: str, title: str, act: Callable[[], str], style: str = "") -> Any:
        button = ipywidgets.Button(
            description=words, tooltip=title, button_style=style, layout={"width": "auto"}
        )
        button.on_click(lambda _: service().submit(self._carry_out, act))
        if hasattr(button.comm, "_reply_subshell_for"):
            button.comm._reply_subshell_for = None  # as for a panel: clicks act while a cell is busy
        return button

    async def _carry_out(self, act: Callable[[], str]) -> None:
        words, colour = await anyio.to_thread.run_sync(_told, act)
        self._say(self.words, words, colour)

    def _say(self, where: Any, words: str, colour: str) -> None:
        html = f'<div role="status" style="color:{colour}">{escape(words)}</div>'
        publisher().post(lambda: setattr(where, "value", html))

    def _show_times(self) -> None:
        words, colour = _told(lambda: _times(self.schedule.value))
        self._say(self.times, words, "inherit" if colour == GOOD else colour)

    def _fetch_fields(self) -> None:
        """Offer the site's field names for completion, without waiting for them."""
        site = self.site.value
        if site:
            service().submit(self._offer_fields, site)

    async def _offer_fields(self, site: str) -> None:
        def names() -> str:
            known = sorted(set(self._project.site(site).fields()["name"]))
            publisher().post(lambda: setattr(self.fields, "allowed_tags", known))
            return ""

        words, colour = await anyio.to_thread.run_sync(_told, names)
        if words:
            self._say(self.words, words, colour)


def _told(act: Callable[[], str]) -> tuple[str, str]:
    """Carry out `act`; return its words, or its error's, and their colour. No bar appears in any cell."""
    try:
        with context.use(context.ExecutionContext()):
            return act(), GOOD
    except SchedkitError as error:
        return str(error), BAD


def _times(schedule: str) -> str:
    words, times = upcoming(schedule, datetime.now(UTC))
    return words + (": " + ", ".join(f"{at:%a %d %b %H:%M}" for at in times) if times else "")


def _text(name: str, example: str) -> Any:
    return ipywidgets.Text(
        description=name, placeholder=example, layout=WIDE, style=LABEL, continuous_update=True
    )


def _choice(name: str, options: list[Any]) -> Any:
    return ipywidgets.Dropdown(description=name, options=options, layout=WIDE, style=LABEL)
