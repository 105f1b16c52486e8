"""How far the synthetic tables are from production, in figures that each stand beside their floor."""

from synth_ops.measure.columns import Scale, compared_columns
from synth_ops.measure.entities import MIN_ENTITIES, measure_entities
from synth_ops.measure.measure import MIN_HOLDOUT_ROWS, Sides, measure_table, read_sides
from synth_ops.measure.records import Measure, Measured
from synth_ops.measure.relations import ReadColumns

__all__ = [
    "MIN_ENTITIES",
    "MIN_HOLDOUT_ROWS",
    "Measure",
    "Measured",
    "ReadColumns",
    "Scale",
    "Sides",
    "compared_columns",
    "measure_entities",
    "measure_table",
    "read_sides",
]
