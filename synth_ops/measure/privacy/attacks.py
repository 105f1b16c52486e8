"""Which attacks there are, and which of their figures a copy passes with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from synth_ops.measure.privacy import delta, inference, linkability, membership, near, outliers, singling_out
from synth_ops.measure.privacy.space import some_of
from synth_ops.measure.records import Measure
from synth_ops.measure.stack import Stack

Attack = Callable[[], Iterator[Measure]]

MAX_ROWS = 50_000
"""Rows of each kind that are attacked: more would cost memory, and tell little more."""


@dataclass(frozen=True)
class Limit:
    """What a figure may be at most, unless a suite says otherwise."""

    of: Literal["high", "excess"]
    """Its upper bound, or what lies beyond `floor_high`."""
    at_most: float


LIMITS: Mapping[str, Limit] = {
    "near_copies": Limit("excess", near.MAX_EXCESS),
    "altered_copies": Limit("excess", near.MAX_EXCESS),
    "outlier_membership_auc": Limit("high", outliers.MAX_AUC),
    "outlier_membership_tpr": Limit("high", outliers.MAX_TPR),
    "outlier_copies": Limit("excess", outliers.MAX_COPIES_EXCESS),
    "lone_copies": Limit("excess", outliers.MAX_COPIES_EXCESS),
    "membership_auc": Limit("high", membership.MAX_AUC),
    "attribute_inference": Limit("high", inference.MAX_RISK),
    "singling_out": Limit("high", singling_out.MAX_RISK),
    "linkability": Limit("high", linkability.MAX_RISK),
    "delta_membership_auc": Limit("high", delta.MAX_AUC),
}
"""The default limit of each figure, by its name."""


def list_attacks(
    table: str, stack: Stack, rng: np.random.Generator, secrets: tuple[str, ...] = ()
) -> tuple[tuple[str, Attack], ...]:
    """Give every attack on one night's copy, by the name of its first figure: each runs, or fails, on its own.

    Each has a generator of its own, so that its figures do not depend on which others ran. `secrets` are the columns
    whose inference is measured; unless named, the six that are the hardest to guess. A large stack is sampled.
    Between two nights there is :func:`~synth_ops.measure.privacy.delta.measure_delta`, too.
    """
    measured: Mapping[str, Callable[[str, Stack, np.random.Generator], Iterator[Measure]]] = {
        "near_copies": near.measure_near_copies,
        "altered_copies": near.measure_altered_copies,
        "outlier_membership_auc": outliers.measure_outliers,
        "membership_auc": membership.measure_membership,
        "attribute_inference": partial(inference.measure_inference, columns=secrets),
        "singling_out": singling_out.measure_singling_out,
        "linkability": linkability.measure_linkability,
    }
    stack = thin(stack, rng)
    streams = rng.spawn(len(measured))
    return tuple(
        (name, partial(measure, table, stack, stream))
        for (name, measure), stream in zip(measured.items(), streams, strict=True)
    )


def thin(stack: Stack, rng: np.random.Generator, at_most: int = MAX_ROWS) -> Stack:
    """Give the stack, or one of so many of each kind of rows: training, held-out and synthetic ones, in this order."""
    parts = stack.training, stack.holdout, stack.synthetic
    kept = [some_of(part, at_most, rng) for part in parts]
    if sum(map(len, kept)) == sum(map(len, parts)):
        return stack
    rows, ends = np.concatenate(kept), np.cumsum([len(part) for part in kept])
    return Stack(
        numbers={name: values[rows] for name, values in stack.numbers.items()},
        labels={name: codes[rows] for name, codes in stack.labels.items()},
        words=stack.words,
        training=np.arange(ends[0]),
        holdout=np.arange(ends[0], ends[1]),
        synthetic=np.arange(ends[1], ends[2]),
        ids=stack.ids[rows[: ends[1]]],
    )


def refused(measure: Measure) -> bool:
    """Say whether a figure is beyond its default limit; one that could not be measured is not judged."""
    limit = LIMITS[measure.name]
    figure = measure.high if limit.of == "high" else measure.excess
    return measure.error is None and figure is not None and figure > limit.at_most + 1e-12
