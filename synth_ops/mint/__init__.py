"""Values that are made, and not learned: keys, patterns, fakes, lattices."""

from synth_ops.mint.minter import Minter, fit_minter, mint
from synth_ops.mint.panel import Panel
from synth_ops.mint.pattern import Pattern
from synth_ops.mint.providers import PROVIDERS, check_provider

__all__ = ["PROVIDERS", "Minter", "Panel", "Pattern", "check_provider", "fit_minter", "mint"]
