"""Values that are made, and not learned: keys, patterns, fakes."""

from synth_ops.mint.minter import Minter, fit_minter, mint
from synth_ops.mint.pattern import Pattern
from synth_ops.mint.providers import PROVIDERS, check_provider

__all__ = ["PROVIDERS", "Minter", "Pattern", "check_provider", "fit_minter", "mint"]
