"""Differential privacy: what mechanisms cost, what was spent, and where noise comes from. No torch is loaded here."""

from synth_ops.privacy.accountant import (
    Failure,
    Gaussian,
    Laplace,
    Mechanism,
    SampledGaussian,
    epsilon_of,
    gaussian_noise_for,
    noise_for,
)
from synth_ops.privacy.budget import Spending, spending_of
from synth_ops.privacy.ledger import Charge, Ledger, Unit

__all__ = [
    "Charge",
    "Failure",
    "Gaussian",
    "Laplace",
    "Ledger",
    "Mechanism",
    "SampledGaussian",
    "Spending",
    "Unit",
    "epsilon_of",
    "gaussian_noise_for",
    "noise_for",
    "spending_of",
]
