"""How pictures look: colours that colour-blind people tell apart, light and dark, and texts as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from schedkit.values.extras import requires_extra
from schedkit.values.text import clip

__all__ = ["DARK", "LIGHT", "Theme", "canvas", "footnote", "label", "place_parts", "set_texts"]

_LABEL = 40
# The usual fonts of Linux, Windows and macOS for what Matplotlib's own has not.
_FONTS = [
    "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei", "Yu Gothic",
    "Malgun Gothic", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a picture.

    Parameters
    ----------
    paper, ink, faint : str
        Of the background, of texts and axes, and of grid and guidelines.
    series : tuple of str
        Of what is shown, in the order in which they are used (Okabe and Ito, "Color Universal Design", 2008,
        whose black and yellow do not stand out on both).
    """

    paper: str
    ink: str
    faint: str
    series: tuple[str, ...]

    def color(self, place: int) -> str:
        """Return the colour of a series."""
        return self.series[place % len(self.series)]


_OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7")
LIGHT = Theme("#ffffff", "#222222", "#bbbbbb", _OKABE_ITO)
DARK = Theme(
    "#1b1d22", "#e6e6e6", "#5b5f68", ("#56b4e9", "#e69f00", "#2fc79a", "#ff7f3b", "#8ecdf2", "#e3a1c6")
)


def canvas(theme: Theme, title: str, height: float = 3.4) -> tuple[Any, Any]:
    """Return a figure as wide as a page, and its axes."""
    with requires_extra("notebook", "charts"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(7.2, height), layout="constrained", facecolor=theme.paper)
    axes = figure.subplots()
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(theme.faint)
    axes.tick_params(colors=theme.ink, labelsize=8)
    axes.set_title(title, loc="left", color=theme.ink, fontsize=11, fontweight="bold")
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=theme.faint, alpha=0.35, linewidth=0.6)
    return figure, axes


def footnote(figure: Any, theme: Theme, frame: pd.DataFrame) -> None:
    """Say below a picture what it covers, and how many issues it leaves out."""
    left_out = frame.attrs.get("left_out") or {}
    parts = [str(frame.attrs["period"])] if "period" in frame.attrs else []
    parts += [f"left out: {len(keys)} {why}" for why, keys in left_out.items()]
    if parts:
        figure.supxlabel("; ".join(parts), x=0.01, ha="left", fontsize=7, color=theme.ink)


def set_texts(figure: Any) -> None:
    """Draw text of issues as it is: dollar signs are no formulas, and any script needs a font that has it."""
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    installed = {font.name for font in fontManager.ttflist}
    family = ["sans-serif", *(name for name in _FONTS if name in installed)]
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_fontfamily(family)


def place_parts(figure: Any) -> None:
    """Make room for texts and legend once: a layout at each drawing draws everything twice."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine(None)


def label(value: Any) -> str:
    """Return a value as a label of a picture."""
    return "none" if value is None or value != value else clip(str(value), _LABEL)
