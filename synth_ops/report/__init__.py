"""The HTML report of one night: the verdict first, then what stands behind it."""

from synth_ops.report.charts import Association, ColumnChart, TableCharts, collect_table
from synth_ops.report.page import render, write_report

__all__ = ["Association", "ColumnChart", "TableCharts", "collect_table", "render", "write_report"]
