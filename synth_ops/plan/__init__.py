"""The plan: what synth.yaml says, resolved against the schema that was found."""

from synth_ops.plan.config import Config, load_config
from synth_ops.plan.plan import ColumnPlan, Plan, Privacy, TablePlan
from synth_ops.plan.recorded import newest_plan
from synth_ops.plan.resolve import resolve

__all__ = ["ColumnPlan", "Config", "Plan", "Privacy", "TablePlan", "load_config", "newest_plan", "resolve"]
