"""The HTML report of one night: the verdict first, then what stands behind it."""

from synth_ops.report.charts import Association, ColumnChart, TableCharts, collect_table
from synth_ops.report.page import write_report

__all__ = ["Association", "ColumnChart", "TableCharts", "collect_table", "write_report"]
