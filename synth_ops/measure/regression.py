"""Whether tonight's copy is worse than the one that was published last."""

from collections.abc import Iterator, Mapping

from synth_ops.measure.records import Measure, Measured

FOLLOWED: Mapping[str, str] = {
    "mean_pair_error": "pair_error_regression",
    "mean_column_shape": "column_shape_regression",
    "classifier_auc": "classifier_regression",
}
"""Figures that are held against the last published night's, and what the difference is called."""


def measure_regression(table: str, tonight: Mapping[str, Measure], last: Measured | None) -> Iterator[Measure]:
    """Give by how much each followed figure's excess grew since the last published night.

    Where no night was published, or the table is new, there is nothing to be worse than, and the figure is 0.
    """
    for name, regression in FOLLOWED.items():
        here = tonight.get(name)
        if here is None or here.observed is None:
            continue
        there = last.find(table, name) if last is not None else None
        grown = 0.0 if there is None or there.excess is None else (here.excess or 0.0) - there.excess
        yield Measure(table=table, name=regression, observed=grown, floor=0.0, n=here.n)
