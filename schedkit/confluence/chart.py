"""Charts: figures that become images attached to a page."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schedkit.confluence.markup import Image
from schedkit.errors import UsageError
from schedkit.values.files import file_error
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

__all__ = ["Chart"]

_DPI = 150


@check_keywords
@dataclass(frozen=True)
class Chart:
    """A chart for a page: an image that is attached when a plan is applied, unless the page has it already.

    Parameters
    ----------
    figure : Figure, Axes, bytes, str or Path
        A figure of Matplotlib (or anything else with ``savefig``), drawn as it is now; an image's bytes;
        or the path of an image.
    alt : str
        What the chart shows, for those who cannot see it.
    name : str, optional
        Name of the attachment; by default that of the file, or of the place it is put to.
    width : int, optional
        Width on the page in pixels.

    Raises
    ------
    UsageError
        If it is not an image, or has no alternative text.

    Examples
    --------
    >>> axes = df.Priority.value_counts().plot.barh()  # doctest: +SKIP
    >>> chart = Chart(axes, alt="Open bugs by priority")  # doctest: +SKIP
    >>> page.table("anchor:open-bugs").replace(df, key="Key", chart=chart)  # doctest: +SKIP
    """

    figure: Any = field(repr=False)
    alt: str
    name: str | None = None
    width: int | None = None
    data: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.alt, str) or not self.alt.strip():
            raise UsageError(
                "a chart needs an alternative text", hint='Chart(figure, alt="Open bugs by priority")'
            )
        if self.name is not None and (not isinstance(self.name, str) or not self.name.strip()):
            raise UsageError(f"Chart: name={safe_repr(self.name, 60)} is not a text", hint='name="bugs.png"')
        object.__setattr__(self, "data", _drawn(self.figure))
        if self.name is None and isinstance(self.figure, str | Path):
            object.__setattr__(self, "name", Path(self.figure).name)
        self.image("chart.png")

    def image(self, otherwise: str) -> Image:
        """Return the image as a page shows it; `otherwise` names it where nothing else does."""
        return Image(self.name or otherwise, self.alt, self.width)


def _drawn(figure: Any) -> bytes:
    """Return the bytes of an image."""
    if isinstance(figure, bytes):
        return figure
    if isinstance(figure, str | Path):
        try:
            return Path(figure).read_bytes()
        except (OSError, ValueError) as error:
            raise file_error(error, Path(figure), "read") from None
    # Axes know the figure that they are part of.
    save = getattr(figure, "savefig", None) or getattr(getattr(figure, "figure", None), "savefig", None)
    if not callable(save):
        raise UsageError(
            f"{safe_repr(figure, 60)} is not a chart",
            hint="give a figure of Matplotlib, the path of an image, or its bytes",
        )
    image = io.BytesIO()
    save(image, format="png", dpi=_DPI, bbox_inches="tight")
    return image.getvalue()
