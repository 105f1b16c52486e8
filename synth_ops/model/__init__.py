"""Generative models over code matrices: the only place that imports torch."""

from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.synthesizer import (
    FAMILIES,
    Constant,
    Given,
    Neural,
    Synthesizer,
    carries_over,
    fit_synthesizer,
    load_synthesizer,
)
from synth_ops.model.training import Tick, Trained

__all__ = [
    "FAMILIES",
    "Constant",
    "Given",
    "NetworkConfig",
    "Neural",
    "Synthesizer",
    "Tick",
    "Trained",
    "TrainingConfig",
    "carries_over",
    "fit_synthesizer",
    "load_synthesizer",
]
