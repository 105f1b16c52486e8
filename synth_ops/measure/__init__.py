"""How far the synthetic tables are from production, in figures that each stand beside their floor."""

from synth_ops.measure.columns import Scale, compared_columns
from synth_ops.measure.entities import measure_entities
from synth_ops.measure.learned import Learned, read_learned
from synth_ops.measure.measure import measure_table, read_sides
from synth_ops.measure.records import Measure, Measured, fidelity_of
from synth_ops.measure.relations import ReadColumns, Sides
from synth_ops.measure.subject import Before, Subject

__all__ = [
    "Before",
    "Learned",
    "Measure",
    "Measured",
    "ReadColumns",
    "Scale",
    "Sides",
    "Subject",
    "compared_columns",
    "fidelity_of",
    "measure_entities",
    "measure_table",
    "read_learned",
    "read_sides",
]
