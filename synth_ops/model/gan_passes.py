"""In which passes a masked generator fills a row.

What one pass fills is drawn independently given what is filled already, and the noise. So the columns that tell least
of one another share a pass.
"""

import torch
from torch import Tensor
from torch.nn import functional

from synth_ops.encode.layout import Layout

_FEWEST, _MOST = 8, 16
"""Passes at most, of a narrow table and of a wide one: each costs a run of the network for every row sampled."""
_N_BINS = 12
_N_ROWS = 20_000
"""Rows from which dependence is read: enough to rank pairs."""
_MOST_COLUMNS = 400
"""Columns up to which all pairs are compared; those of wider tables are dealt out in turn."""


def plan_passes(rows: Tensor, layout: Layout, n_context: int) -> Tensor:
    """Give ``(n_sub_columns,)``: the pass that fills each, from 0; -1 for the context, which is always given.

    A finer sub-column is filled in the pass after its coarser one.

    **Shape**

    - rows: ``(n_rows, n_sub_columns)`` training codes, the context's first
    """
    learned = range(n_context, len(layout.sub_columns))
    heads = [i for i in learned if layout.sub_columns[i].within is None]
    passes = torch.full((len(layout.sub_columns),), -1)
    n_passes = min(_MOST, max(_FEWEST, len(heads) // 4))
    for place, members in enumerate(_deal(dependence(rows[:, heads]), n_passes)):
        passes[[heads[i] for i in members]] = place
    for i in learned:
        coarser = layout.sub_columns[i].within
        if coarser is not None:
            passes[i] = passes[coarser] + 1
    return passes


def dependence(rows: Tensor) -> Tensor:
    """Give the mutual information, in nats, of each pair of columns of codes, cut in a dozen bins of like mass.

    **Shape**

    - rows: ``(n_rows, n_columns)``
    - result: ``(n_columns, n_columns)``, zeros on the diagonal; nothing but zeros for very wide tables
    """
    n_columns = rows.shape[1]
    if not 0 < n_columns <= _MOST_COLUMNS:
        return torch.zeros(n_columns, n_columns)
    rows = rows[:: max(1, len(rows) // _N_ROWS)].long()
    bins = torch.stack([_bins(column) for column in rows.T], 1)
    flags = functional.one_hot(bins, _N_BINS).flatten(1).float()
    joint = (flags.T @ flags / len(rows)).view(n_columns, _N_BINS, n_columns, _N_BINS)
    share = flags.mean(0)
    independent = torch.outer(share, share).view_as(joint)
    information = torch.where(joint > 0, joint * torch.log(joint / independent.clamp(min=1e-12)), 0).sum((1, 3))
    return information.fill_diagonal_(0)


def _bins(codes: Tensor) -> Tensor:
    """Give each row's bin, by the mass of the codes below its own, so that a common code has a bin to itself."""
    counts = torch.bincount(codes).double()
    middle = (torch.cumsum(counts, 0) - counts / 2) / counts.sum()
    return (middle * _N_BINS).long().clamp(max=_N_BINS - 1)[codes]


def _deal(information: Tensor, n_passes: int) -> list[list[int]]:
    """Put each column, in reading order, with those that tell least of it."""
    n_columns = len(information)
    room = -(-n_columns // n_passes)
    passes: list[list[int]] = [[] for _ in range(min(n_passes, n_columns))]
    for i in range(n_columns):
        with_room = [members for members in passes if len(members) < room]
        min(with_room, key=lambda members: (float(information[i, members].sum()), len(members))).append(i)
    return [members for members in passes if members]
