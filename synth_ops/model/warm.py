"""A network for changed data, with all that still means something of the network before it.

Sub-columns are matched by the table column that they belong to, codes by the values that they stand for. What columns
say of each other is carried over; new columns are read last, and new codes and columns begin as if nothing were known
of them. Ordered codes are known by rank, so that a range that has moved needs no mapping at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth_ops.encode.layout import Layout, SubColumn
from synth_ops.model.config import NetworkConfig
from synth_ops.model.heads import Heads
from synth_ops.model.inputs import CodeInputs
from synth_ops.model.mixture import N_MIXTURE
from synth_ops.model.order import reading_order
from synth_ops.model.vae import VAE

CodeMaps = Mapping[tuple[str, str], NDArray[np.int64]]
"""Of each sub-column (column, part) that both have: the old code of each new code, or -1."""
UNKNOWN = -1
_MOST_NEW = 0.5
"""Share of sub-columns that are new from which a cold start is better."""


@dataclass(frozen=True)
class Course:
    """How a network reads a table after a change, and which parts of the network before it are taken over."""

    order: tuple[int, ...]
    """Positions in the new layout, in reading order."""
    places: tuple[int, ...]
    """Where each was in the old reading order, or -1."""
    degrees: tuple[int, ...]
    """The last place that each hidden unit may see."""
    units: tuple[int, ...]
    """Which old unit each is, or -1."""


def plot_course(
    old: Sequence[SubColumn], old_degrees: Sequence[int], n_old_context: int, layout: Layout, n_context: int
) -> Course | None:
    """Decide how to go on from a network; None where too little of it is of use.

    Args:
        old: sub-columns in the old reading order.
        old_degrees: of the old hidden units.
        n_old_context: how many of the old sub-columns were given.
        layout: the new sub-columns, context first.
        n_context: how many of these are given.
    """
    place_of = {_key(s): i for i, s in enumerate(old)}
    fresh = reading_order(layout, n_context)
    was = {i: place_of.get(_key(layout.sub_columns[i]), UNKNOWN) for i in fresh}
    learned = list(fresh[n_context:])
    kept = sorted((i for i in learned if was[i] >= n_old_context), key=lambda i: was[i])
    order = (*range(n_context), *kept, *(i for i in learned if was[i] < n_old_context))
    places = tuple(was[i] if (was[i] >= n_old_context) == (k >= n_context) else UNKNOWN for k, i in enumerate(order))
    n_new = places.count(UNKNOWN)
    known = [p for p in places if p != UNKNOWN]
    if not known or known != sorted(known) or n_new > _MOST_NEW * len(order):
        return None
    degrees = [_moved(d, places, n_old_context, n_context) for d in old_degrees]
    units = list(range(len(old_degrees)))
    n_more = round(len(old_degrees) * n_new / max(1, len(old)))
    degrees += torch.linspace(n_context - 1, max(n_context - 1, len(order) - 2), n_more).round().int().tolist()
    units += [UNKNOWN] * n_more
    by_degree = sorted(range(len(degrees)), key=lambda u: degrees[u])
    return Course(order, places, tuple(degrees[u] for u in by_degree), tuple(units[u] for u in by_degree))


def _key(sub_column: SubColumn) -> tuple[str, str]:
    return sub_column.column, sub_column.part


def _moved(degree: int, places: Sequence[int], n_old_context: int, n_context: int) -> int:
    """Give the last new place whose sub-column a unit of that degree could see already."""
    if degree < n_old_context:
        return n_context - 1
    seen = [k for k, place in enumerate(places) if n_old_context <= place <= degree]
    return max(seen, default=n_context - 1)


@torch.no_grad()
def carry_over(old: VAE, new: VAE, course: Course, sub_columns: Sequence[SubColumn], codes: CodeMaps) -> None:
    """Give a new network the weights of an old one, in place.

    Args:
        old: what was learned before.
        new: built from the new layout in the course's order, with the course's degrees; started.
        course: which of its sub-columns and units were there before.
        sub_columns: the new ones, in reading order.
        codes: which codes were.
    """
    maps = _Maps(old, new, course, [codes.get(_key(s)) for s in sub_columns])
    before, after = dict(old.named_parameters()), dict(new.named_parameters())
    for name, value in after.items():
        rows, columns = maps.axes(name, value)
        if rows is not None and name in before:
            value.copy_(_placed(before[name], value, rows, columns, silent=not maps.are_units(name)))
    new.decoder.silence()


def _placed(before: Tensor, fresh: Tensor, rows: Tensor, columns: Tensor | None, *, silent: bool) -> Tensor:
    """Put old weights in their new places; a known row hears nothing of new columns."""
    is_known = rows >= 0
    placed = fresh.clone()
    if columns is None:
        placed[is_known] = before[rows[is_known]]
        return placed
    if silent:
        placed.zero_()
    picked = before[rows.clamp(min=0)][:, columns.clamp(min=0)] * (columns >= 0)
    placed[is_known] = picked[is_known]
    return placed


class _Maps:
    """Of each axis of a network's parameters, the old position of each new one, or -1."""

    def __init__(self, old: VAE, new: VAE, course: Course, codes: list[NDArray[np.int64] | None]) -> None:
        self.units = torch.tensor(course.units, dtype=torch.long)
        self.places = torch.tensor(course.places, dtype=torch.long)
        self.inputs = _numbers(old.inputs, new.inputs, course.places)
        self.outputs = _outputs(old.heads, new.heads, course.places, codes)
        self.free = _free(old, new, course.places, codes)
        self.ordinal = _ordinal(old.inputs, new.inputs, course.places)
        n_layers = 1 + len(new.decoder.blocks)
        n_old = len(old.decoder.degrees)
        self.shifts = torch.cat(
            [torch.where(self.units >= 0, self.units + k * n_old, UNKNOWN) for k in range(n_layers)]
        )
        flags = torch.where(self.places >= 0, self.places + len(old.inputs.owners), UNKNOWN)
        self.told = torch.cat([self.inputs, flags])

    def axes(self, name: str, value: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Give the maps of a parameter's first two axes; None, None for one that counting sets anew."""
        same = torch.arange(len(value)) if value.ndim else None
        every = torch.arange(value.shape[1]) if value.ndim > 1 else None
        by_name: dict[str, tuple[Tensor | None, Tensor | None]] = {
            "decoder.entry.weight": (self.units, self.inputs),
            "decoder.entry.bias": (self.units, None),
            "decoder.direct.weight": (self.outputs, self.inputs),
            "decoder.direct.bias": (self.outputs, None),
            "decoder.out.weight": (self.outputs, self.units),
            "decoder.out.bias": (self.outputs, None),
            "conditioning.body.0.weight": (same, self.told),
            "conditioning.shifts.weight": (self.shifts, every),
            "conditioning.shifts.bias": (self.shifts, None),
            "conditioning.outputs.weight": (self.outputs, self.inputs),
            "recognition.body.0.weight": (same, self.inputs),
            "latent.weight": (self.shifts, every),
        }
        if name in by_name:
            return by_name[name]
        if name.startswith("decoder.blocks."):
            return self.units, self.units if name.endswith("weight") else None
        if name.endswith("inputs.free"):
            return self.free, None
        if name.endswith("inputs.smooth"):
            return self.ordinal, None
        return (None, None) if "refine" in name else (same, every)

    def are_units(self, name: str) -> bool:
        """Tell whether new rows of a parameter are new units, which must begin unlike each other."""
        return name.startswith(("decoder.entry", "decoder.blocks"))


def _numbers(old: CodeInputs, new: CodeInputs, places: Sequence[int]) -> Tensor:
    """Give the old position of each number that codes become; of vectors that grew, the first numbers are old."""
    starts = [0, *accumulate(old.widths)]
    found = []
    for place, width in zip(places, new.widths, strict=True):
        own = torch.full((width,), UNKNOWN)
        if place != UNKNOWN:
            n_kept = min(width, old.widths[place])
            own[:n_kept] = torch.arange(n_kept) + starts[place]
        found.append(own)
    return torch.cat(found)


def _outcomes(old: Heads, new: Heads, place: int, i: int, codes: NDArray[np.int64] | None) -> Tensor:
    """Give the old outcome of each outcome of new sub-column i."""
    before, after = old.marginals[place], new.marginals[i]
    outcomes = torch.full((after.n_outcomes,), UNKNOWN)
    if codes is not None:
        found = _taken(before.outcomes, torch.from_numpy(codes)[after.alone])
        outcomes[: len(after.alone)] = torch.where(found < len(before.alone), found, UNKNOWN)
    if after.is_mixed and before.is_mixed:
        outcomes[-1] = len(before.alone)
    return outcomes


def _outputs(old: Heads, new: Heads, places: Sequence[int], codes: list[NDArray[np.int64] | None]) -> Tensor:
    found = torch.full((new.n_outputs,), UNKNOWN)
    for i in new.starts:
        place = places[i]
        if place == UNKNOWN or place not in old.starts:
            continue
        outcomes = _outcomes(old, new, place, i, codes[i])
        own, before = new.own(i), old.own(place)
        found[own[: len(outcomes)]] = torch.where(outcomes >= 0, before[outcomes.clamp(min=0)], UNKNOWN)
        if new.marginals[i].is_mixed and old.marginals[place].is_mixed:
            found[own[-N_MIXTURE:]] = before[-N_MIXTURE:]
    return found


def _free(old: VAE, new: VAE, places: Sequence[int], codes: list[NDArray[np.int64] | None]) -> Tensor:
    found = []
    for i, (parts, n_parts) in enumerate(zip(new.inputs.parts, new.inputs.n_parts, strict=True)):
        place = places[i]
        own = torch.full((n_parts,), UNKNOWN)
        if place != UNKNOWN:
            if (was := codes[i]) is not None:  # a day of its own begins with what it was, or shared
                own[parts] = _taken(old.inputs.parts[place], torch.from_numpy(was))
            outcomes = _outcomes(old.heads, new.heads, place, i, codes[i])
            own[: len(outcomes)] = outcomes
        found.append(torch.where(own >= 0, own + sum(old.inputs.n_parts[:place]), UNKNOWN))
    return torch.cat(found)


def _taken(before: Tensor, was: Tensor) -> Tensor:
    """Give what each code had before, or -1 where it was not there."""
    return torch.where(was >= 0, before[was.clamp(min=0)], UNKNOWN)


def _ordinal(old: CodeInputs, new: CodeInputs, places: Sequence[int]) -> Tensor:
    at = {place: k for k, place in enumerate(old.ordinal.tolist())}
    return torch.tensor([at.get(places[i], UNKNOWN) for i in new.ordinal.tolist()], dtype=torch.long)


def grown(config: NetworkConfig, course: Course) -> NetworkConfig:
    """Give the sizes of the network that a course needs."""
    return config.model_copy(update={"d_hidden": len(course.degrees), "degrees": course.degrees})
