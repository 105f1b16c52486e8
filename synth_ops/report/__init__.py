"""The HTML report of one night, or of two tables judged: the verdict first, then what stands behind it."""

from synth_ops.report.charts import Association, ColumnChart, TableCharts, collect_table
from synth_ops.report.facts import Facts, NightFigures, PublishedNight
from synth_ops.report.handling import Handled, Learned, read_learned
from synth_ops.report.keys import KeyChart
from synth_ops.report.page import render, write_report

__all__ = [
    "Association",
    "ColumnChart",
    "Facts",
    "Handled",
    "KeyChart",
    "Learned",
    "NightFigures",
    "PublishedNight",
    "TableCharts",
    "collect_table",
    "read_learned",
    "render",
    "write_report",
]
