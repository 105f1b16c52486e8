"""Airflow's shell: one operator that runs a night's refresh in a process of its own."""

from synth_ops.airflow.operator import SynthRefreshOperator

__all__ = ["SynthRefreshOperator"]
