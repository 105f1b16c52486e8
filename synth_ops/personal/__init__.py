"""Columns that must never be learned, found by what they hold: a bounded sample is looked at, and no value leaves."""

from synth_ops.personal.find import find_personal, looked_at
from synth_ops.personal.sample import Sampler, sample_file
from synth_ops.personal.settled import refuse_unsettled, suspects_among, unsettled

__all__ = ["Sampler", "find_personal", "looked_at", "refuse_unsettled", "sample_file", "suspects_among", "unsettled"]
