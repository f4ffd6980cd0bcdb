"""A picture of each figure's frame: `plot` finds the one that its frame is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.elapsed import nearest_rank
from schedkit.flow.readable import readable
from schedkit.flow.theme import DARK, LIGHT, Theme, canvas, footnote, label, place_parts, set_texts
from schedkit.flow.titles import TITLES
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["plot", "plotted"]

_MOST = 25
_Draw = Callable[[Any, pd.DataFrame, Theme], None]


@check_keywords
def plot(
    frame: pd.DataFrame | pd.Series[Any],
    *,
    title: str | None = None,
    dark: bool = False,
    kind: str | None = None,
) -> Any:
    """Return the picture of a figure.

    Parameters
    ----------
    frame : DataFrame or Series
        As a function of `schedkit.flow` returns it: its attrs tell which it is.
    title : str, optional
        The heading.
    dark : bool
        For a dark background.
    kind : str, optional
        The name of the function whose result it is, where its attrs were lost.

    Returns
    -------
    matplotlib.figure.Figure
        As wide as a page; below it stand the period, and how many issues were left out and why. Its parts
        are placed: after a change, ``figure.set_layout_engine("constrained")`` has them placed again.

    Raises
    ------
    UsageError
        If the frame is no figure that has a picture.
    """
    name = kind or frame.attrs.get("metric")
    if name not in _PLOTS:
        raise UsageError(
            f"there is no picture of {safe_repr(name)}" if name else "the frame does not tell what it shows",
            hint=did_you_mean(str(name), _PLOTS) if name else "write kind='throughput'",
        )
    theme = DARK if dark else LIGHT
    attrs = dict(frame.attrs)
    table = readable(frame.to_frame() if isinstance(frame, pd.Series) else frame)
    height = 1.4 + 0.3 * min(len(table), _MOST) if name in _LONG else 3.4
    figure, axes = canvas(theme, title or TITLES.get(str(name), str(name)), height)
    table.attrs = attrs
    if len(table):
        _PLOTS[str(name)](axes, table, theme)
    else:
        axes.text(0.5, 0.5, "no data", ha="center", color=theme.ink, transform=axes.transAxes)
    footnote(figure, theme, table)
    set_texts(figure)
    place_parts(figure)
    return figure


def plotted() -> list[str]:
    """Return the names of the functions whose frames have a picture."""
    return sorted(_PLOTS)


def _series(table: pd.DataFrame) -> tuple[pd.Series[Any], list[str]]:
    """Return the first column, and the names of the numbers beside it."""
    numbers = [c for c in table.columns[1:] if pd.api.types.is_numeric_dtype(table[c].dtype)]
    return table[table.columns[0]], numbers


def _legend(axes: Any, theme: Theme) -> None:
    """Name the series beside the heading, where they cover nothing."""
    handles, names = axes.get_legend_handles_labels()
    axes.figure.legend(
        handles, names, frameon=False, fontsize=8, labelcolor=theme.ink, ncols=4, loc="outside upper right"
    )


def _dates(axes: Any) -> None:
    import matplotlib.dates

    dates: Any = matplotlib.dates
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _binned(values: Any, counts: Any) -> tuple[Any, Any, int]:
    """Return where bars of equal width begin, how much is in each, and their width: at most 50."""
    values, counts = np.asarray(list(values)), np.asarray(list(counts), dtype=float)
    width = max(1, -(-int(values.max() - values.min() + 1) // 50))
    place = (values - values.min()) // width
    return values.min() + width * np.arange(place.max() + 1), np.bincount(place, counts), width


def _histogram(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    first, columns = _series(table)
    bottom: Any = 0.0
    for place, column in enumerate(columns):
        begins, counts, width = _binned(first, table[column])
        axes.bar(
            begins,
            counts,
            width * 0.9,
            bottom=bottom,
            align="edge",
            color=theme.color(place),
            label=label(column),
        )
        bottom = bottom + counts
    axes.set_xlabel("days", color=theme.ink, fontsize=8)
    axes.yaxis.get_major_locator().set_params(integer=True)
    if len(columns) > 1:
        _legend(axes, theme)


def _counts(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    """Bars stacked on each other from 0; a period that is not over is hatched."""
    first, columns = _series(table)
    names = [f"{at:%d %b}" if hasattr(at, "strftime") else label(at) for at in first]
    bottom = np.zeros(len(table))
    partial = len(table.attrs.get("partial") or ())
    for place, column in enumerate(columns):
        bars = axes.bar(
            range(len(table)), table[column], bottom=bottom, color=theme.color(place), label=label(column)
        )
        bottom += table[column].to_numpy(dtype=float)
        for bar in list(bars)[len(bars) - partial :]:
            bar.set(hatch="///", alpha=0.6)
    step = max(1, len(names) // 10)
    axes.set_xticks(range(0, len(names), step), names[::step])
    axes.yaxis.get_major_locator().set_params(integer=True)
    if len(columns) > 1:
        _legend(axes, theme)


def _lines(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    first, columns = _series(table)
    for place, column in enumerate(columns):
        axes.step(first, table[column], where="post", color=theme.color(place), label=label(column))
    axes.set_ylim(bottom=0)
    _dates(axes)
    if len(columns) > 1:
        _legend(axes, theme)


def _flow(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    """Done at the bottom, then up the workflow; the backlog, which dwarfs all else, is left out."""
    first, columns = _series(table)
    shown = columns[1:][::-1] if len(columns) > 2 else columns[::-1]
    values = [table[column].to_numpy(dtype=float) for column in shown]
    # What was done before the first day is no flow of these.
    if len(shown) > 1:
        values[0] = values[0] - values[0].min()
    axes.stackplot(first, *values, colors=[theme.color(n) for n in range(len(shown))], alpha=0.85)
    tops = np.cumsum([value[-1] for value in values])
    for place, (column, top, value) in enumerate(zip(shown, tops, values, strict=True)):
        if value[-1] > 0.02 * tops[-1]:
            axes.annotate(
                label(column), (first.iloc[-1], top - value[-1] / 2), xytext=(4, 0), fontsize=8,
                textcoords="offset points", va="center", color=theme.color(place), annotation_clip=False,
            )  # fmt: skip
    axes.margins(x=0)
    _dates(axes)


def _scatter(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    """Dots by their finish, with the percentiles as lines; the highest two percent lie above the picture."""
    column = next(c for c in table.columns if str(c) in ("Cycle (d)", "Lead (d)"))
    shown = table.dropna(subset=[column, "Finished"])
    if not len(shown):
        return
    days = np.sort(shown[column].to_numpy(dtype=float))
    top = max(nearest_rank(days, 98) * 1.08, 1.0)
    axes.scatter(shown["Finished"], shown[column], s=14, alpha=0.5, color=theme.color(0), linewidths=0)
    for place, each in enumerate((50, 70, 85, 95)):
        value = float(nearest_rank(days, each))
        axes.axhline(value, color=theme.color(place + 1), linewidth=1, linestyle="--")
        axes.annotate(
            f"{each} %: {value:.1f} d", (1, min(value, top)), xycoords=("axes fraction", "data"),
            xytext=(3, 0), textcoords="offset points", fontsize=8, va="center", color=theme.color(place + 1),
        )  # fmt: skip
    above = int((days > top).sum())
    axes.set_ylim(0, top)
    _dates(axes)
    axes.set_ylabel(f"days{f' ({above} above)' if above else ''}", color=theme.ink, fontsize=8)


def _ageing(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    """Dots by their status, over bands up to the cycle times that so many percent of the finished had."""
    names = list(dict.fromkeys(table["Status"]))
    order = [name for name in table.attrs.get("states") or () if name in names]
    order += [name for name in names if name not in order]
    spread = np.random.default_rng(1).uniform(-0.25, 0.25, len(table))
    at = np.array([order.index(name) for name in table["Status"]]) + spread
    axes.scatter(at, table["Age (d)"], s=22, alpha=0.7, color=theme.color(0), linewidths=0)
    for x, age, key in list(zip(at, table["Age (d)"], table["Key"], strict=True))[:10]:
        axes.annotate(
            label(key), (x, age), xytext=(4, 2), textcoords="offset points", fontsize=7, color=theme.ink
        )
    below = 0.0
    for place, (each, value) in enumerate((table.attrs.get("percentiles") or {}).items()):
        color = theme.color(place + 1)
        axes.axhspan(below, value, color=color, alpha=0.12, linewidth=0, zorder=0)
        axes.annotate(
            f"{each:g} %: {value:.1f} d", (1, value), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", fontsize=8, va="center", color=color,
        )  # fmt: skip
        below = value
    axes.set_xticks(range(len(order)), [label(name) for name in order])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("age, days", color=theme.ink, fontsize=8)


def _bars(of: tuple[str, ...], name: str | None = None, share: bool = False) -> _Draw:
    """Return what draws horizontal bars of some columns, the first row on top."""

    def draw(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
        columns = [c for c in of if c in table] or _series(table)[1]
        shown = table.head(_MOST)
        first = shown[name] if name in shown else shown[shown.columns[0]]
        names = [label(value) for value in first] if len(shown) > 1 or name else ["all"]
        height = 0.8 / len(columns)
        for place, column in enumerate(columns):
            values = shown[column].to_numpy(dtype=float)
            at = np.arange(len(shown)) + (place - (len(columns) - 1) / 2) * height
            axes.barh(at, values, height * 0.9, color=theme.color(place), label=label(column))
            for y, value in zip(at, values, strict=True):
                text = "" if np.isnan(value) else f"{value:.0%}" if share else f"{value:g}"
                axes.annotate(
                    text, (0 if np.isnan(value) else value, y), xytext=(3, 0), fontsize=7, va="center",
                    textcoords="offset points", color=theme.ink, annotation_clip=False,
                )  # fmt: skip
        axes.set_yticks(range(len(shown)), names)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.xaxis.set_visible(False)
        if len(columns) > 1:
            _legend(axes, theme)

    return draw


def _burn(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    for place, column in enumerate(c for c in ("Remaining", "Scope", "Done") if c in table):
        axes.step(table["When"], table[column], where="post", color=theme.color(place), label=column)
    if "Guideline" in table:
        axes.plot(table["When"], table["Guideline"], color=theme.faint, linestyle="--", label="Guideline")
    axes.set_ylim(bottom=0)
    _dates(axes)
    _legend(axes, theme)


def _balance(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    groups = table.groupby("Period")[["Started", "Reopened", "Withdrawn", "Finished", "Close"]].sum()
    at = np.arange(len(groups))
    axes.bar(at - 0.2, groups["Started"] + groups["Reopened"], 0.4, color=theme.color(0), label="arrived")
    axes.bar(at + 0.2, groups["Finished"] + groups["Withdrawn"], 0.4, color=theme.color(2), label="departed")
    axes.plot(at, groups["Close"], color=theme.color(1), marker="o", markersize=3, label="in progress")
    step = max(1, len(groups) // 10)
    axes.set_xticks(at[::step], [f"{period:%d %b}" for period in groups.index[::step]])
    _legend(axes, theme)


def _forecast(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    """The trials by their outcome, with the percentiles; of how many, each is the least that is finished."""
    trials: dict[Any, int] = next(iter((table.attrs.get("outcomes") or {}).values()), {})
    value = "At Least" if "At Least" in table else "Days"
    begins, counts, width = _binned(trials or [0], trials.values() or [0])
    axes.bar(begins, counts, width * 0.9, align="edge", color=theme.color(0), alpha=0.7)
    for place, (percentile, each) in enumerate(zip(table["Percentile"], table[value], strict=True)):
        if pd.isna(each):
            continue
        words = f"{percentile:g} %: {'at least ' if value == 'At Least' else ''}{each}"
        axes.axvline(float(each), color=theme.color(place + 1), linestyle="--", linewidth=1)
        axes.annotate(
            words, (float(each), 0.98 - 0.09 * place), xycoords=("data", "axes fraction"), xytext=(3, 0),
            textcoords="offset points", fontsize=8, va="top", color=theme.color(place + 1),
        )  # fmt: skip
    axes.set_xlabel("items" if value == "At Least" else "days", color=theme.ink, fontsize=8)


def _held(axes: Any, table: pd.DataFrame, theme: Theme) -> None:
    """How often forecasts held, with the 95 % interval; a mark where a sound one lies."""
    at = np.arange(len(table))
    spread = [table["Share"] - table["From"], table["To"] - table["Share"]]
    axes.errorbar(at, table["Share"], yerr=np.abs(spread), fmt="o", color=theme.color(0), label="held")
    axes.scatter(at, table["Percentile"] / 100, marker="_", s=400, color=theme.color(1), label="promised")
    axes.set_xticks(
        at, [f"{p:g} %, {n} forecasts" for p, n in zip(table["Percentile"], table["Forecasts"], strict=True)]
    )
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.set_ylim(0, 1.05)
    _legend(axes, theme)


_PLOTS: dict[str, _Draw] = {
    "ageing": _ageing,
    "ageing_bands": _bars(("50 % (d)", "85 % (d)"), "Status"),
    "backtest": _held,
    "blocked_time": _bars(("Blocked (d)",)),
    "burndown": _burn,
    "burnup": _burn,
    "control_chart": _scatter,
    "cumulative_flow": _flow,
    "cycle_histogram": _histogram,
    "cycle_percentiles": _bars(("50 % (d)", "70 % (d)", "85 % (d)", "95 % (d)")),
    "cycle_times": _scatter,
    "data_quality": _bars(("Issues",), "Finding"),
    "flow_balance": _balance,
    "flow_efficiency": _bars(("Efficiency",), share=True),
    "forecast_how_many": _forecast,
    "forecast_when": _forecast,
    "littles_law": _bars(("Mean WIP", "Product")),
    "predictability": _bars(("Completed ÷ Committed", "Done ÷ Committed"), "Sprint", share=True),
    "returns": _bars(("Reopened", "Moved Back")),
    "service_times": _bars(("Elapsed (d)",)),
    "sla_attainment": _bars(("Attainment",), share=True),
    "sprint_report": _bars(("Points", "Issues"), "What"),
    "throughput": _counts,
    "time_in_status": _bars(()),
    "velocity": _bars(("Committed", "Completed"), "Sprint"),
    "work_in_progress": _lines,
}
_LONG = {name for name, draw in _PLOTS.items() if draw.__name__ == "draw"}
