"""synth-ops keeps a synthetic copy of a production database fresh."""

__version__ = "0.1.0"
