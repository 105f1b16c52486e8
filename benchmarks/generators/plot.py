"""Fidelity against the seconds of fitting, a panel a table."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from generators.cells import Cell
from generators.contenders import CONTENDERS

MARKERS = dict(zip(CONTENDERS, "osD^v", strict=True))
COLOURS = dict(zip(CONTENDERS, ("#0072b2", "#009e73", "#d55e00", "#cc79a7", "#999999"), strict=True))
N_ACROSS = 3
TICKS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Seconds."""


def draw(cells: Sequence[Cell], path: Path) -> None:
    """Write the plot as SVG; contenders of several budgets are lines."""
    tables = list(dict.fromkeys(c.key.table for c in cells))
    n_across = min(N_ACROSS, len(tables))
    n_down = math.ceil(len(tables) / n_across)
    figure = Figure(figsize=(max(3.4 * n_across, 5.6), 2.9 * n_down + 0.6), layout="constrained")
    panels = figure.subplots(n_down, n_across, squeeze=False, sharex=True, sharey=True).ravel()
    for i, (axes, table) in enumerate(zip(panels, tables, strict=False)):
        _panel(axes, table, [c for c in cells if c.key.table == table])
        axes.set_ylabel("c2st (0.5 best)" if i % n_across == 0 else "")
        lowest = i + n_across >= len(tables)
        axes.set_xlabel("seconds of fitting" if lowest else "")
        axes.tick_params(labelbottom=lowest)
    _scale(panels[0], [c.fit_seconds for c in cells])
    for axes in panels[len(tables) :]:
        axes.remove()
    entries = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=len(entries), frameon=False)
    with mpl.rc_context({"svg.hashsalt": "generators"}):  # the same figures give the same file
        figure.savefig(path, metadata={"Date": None})


def _scale(axes: Axes, seconds: Sequence[float]) -> None:
    low, high = min(seconds) / 1.5, max(seconds) * 1.5
    ticks = [t for t in TICKS if low <= t <= high]
    axes.set(xscale="log", xlim=(low, high))
    axes.set_xticks(ticks, labels=[f"{t:,}" for t in ticks])
    axes.minorticks_off()


def _panel(axes: Axes, table: str, cells: Sequence[Cell]) -> None:
    for name in CONTENDERS:
        own = sorted((c for c in cells if c.key.contender == name), key=lambda c: c.fit_seconds)
        if own:
            seconds, figures = [c.fit_seconds for c in own], [c.c2st for c in own]
            axes.plot(seconds, figures, marker=MARKERS[name], color=COLOURS[name], markersize=6, label=name)
    axes.axhline(0.5, color="#bbbbbb", linewidth=0.8, linestyle="--", zorder=0)
    axes.set(ylim=(0.48, 1.02), title=table)
    axes.spines[["top", "right"]].set_visible(False)
