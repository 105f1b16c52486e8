"""Attacks on the copy by those who would know who is in production, each bounded, and each beside rows no model saw."""

from synth_ops.measure.privacy.attacks import LIMITS, Limit, list_attacks, refused
from synth_ops.measure.privacy.delta import measure_delta
from synth_ops.measure.privacy.inference import measure_inference
from synth_ops.measure.privacy.linkability import measure_linkability
from synth_ops.measure.privacy.membership import measure_membership
from synth_ops.measure.privacy.near import measure_altered_copies, measure_near_copies
from synth_ops.measure.privacy.outliers import measure_outliers
from synth_ops.measure.privacy.singling_out import measure_singling_out

__all__ = [
    "LIMITS",
    "Limit",
    "list_attacks",
    "measure_altered_copies",
    "measure_delta",
    "measure_inference",
    "measure_linkability",
    "measure_membership",
    "measure_near_copies",
    "measure_outliers",
    "measure_singling_out",
    "refused",
]
