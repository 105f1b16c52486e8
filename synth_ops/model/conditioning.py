"""What proposes rows of which any sub-columns are given.

A masked decoder knows what comes before a sub-column, not what is given after it. Here is what it lacks: the given
sub-columns of a row, in whatever place, shift all hidden units, and speak directly to the outputs before them. With
the decoder's weights left as they are, rows without anything given are drawn as ever; what is proposed here is weighed
by what the decoder says of the whole row.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from synth_ops.encode.layout import Layout
from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.family import CodeNetwork
from synth_ops.model.inputs import CodeInputs
from synth_ops.model.marginals import Marginal
from synth_ops.model.network import MOST_DIRECT
from synth_ops.model.trainable import Trainable


class Conditioning(nn.Module):
    """What the given sub-columns of a row add to a decoder.

    **Shape**

    - Input: codes ``(n_rows, n_sub_columns)``, and whether each is given
    - Output: shifts of each hidden layer, ``(n_rows, d_hidden)`` each, and ``(n_rows, n_outputs)`` to add to outputs
    """

    later: Tensor
    outputs: nn.Linear | None

    def __init__(self, marginals: Sequence[Marginal], out_degrees: Tensor, config: NetworkConfig) -> None:
        super().__init__()
        n_sub_columns = len(marginals)
        # Inputs of its own, for the decoder's know nothing of its last sub-column.
        self.inputs = CodeInputs(marginals, config.d_embedding, own_days=config.own_days)
        self.d_hidden = config.d_hidden
        d_in, d_body = sum(self.inputs.widths), config.d_conditioning
        self.body = nn.Sequential(
            nn.Linear(d_in + n_sub_columns, d_body), nn.SiLU(), nn.Linear(d_body, d_body), nn.SiLU()
        )
        self.shifts = nn.Linear(d_body, config.d_hidden * (1 + config.n_blocks))
        nn.init.zeros_(self.shifts.weight)
        nn.init.zeros_(self.shifts.bias)
        self.n_outputs, self.outputs = len(out_degrees), None
        if d_in * len(out_degrees) <= MOST_DIRECT:
            later = self.inputs.owners[None, :] > out_degrees[:, None]
            self.register_buffer("later", later.float(), persistent=False)
            self.outputs = nn.Linear(d_in, len(out_degrees), bias=False)
            nn.init.zeros_(self.outputs.weight)

    def forward(self, codes: Tensor, is_given: Tensor) -> tuple[list[Tensor], Tensor]:
        known = is_given.float()
        x = self.inputs(codes) * known[:, self.inputs.owners]
        shifts = self.shifts(self.body(torch.cat([x, known], 1))) * known.amax(1, keepdim=True)
        return list(shifts.split(self.d_hidden, 1)), self._added(x)

    def _added(self, x: Tensor) -> Tensor:
        if self.outputs is None:
            return x.new_zeros(()).expand(len(x), self.n_outputs)
        with torch.autocast(x.device.type, enabled=False):
            return functional.linear(x, self.outputs.weight * self.later)


class Conditional(CodeNetwork):
    """A network with a conditioning, which is trained after all else."""

    n_context: int
    conditioning: Conditioning

    def conditional_nats(self, codes: Tensor, is_given: Tensor) -> Tensor:
        """Give the negative log-likelihood of each code, ``(n_rows, n_sub_columns)``, given those marked."""
        raise NotImplementedError

    def to_follow(self, layout: Layout, config: TrainingConfig) -> tuple[Trainable, TrainingConfig] | None:
        """Give the training of the conditioning, where there is more than one column to tell or to be told of."""
        columns = {name: i for i, name in enumerate(dict.fromkeys(s.column for s in layout.sub_columns))}
        if not config.conditioning or len(columns) <= 1:
            return None
        visits = max(1, int(config.max_row_visits * config.conditioning))
        owners = torch.tensor([columns[s.column] for s in layout.sub_columns])
        return ConditionalTraining(self, owners), config.model_copy(update={"max_row_visits": visits})


class ConditionalTraining(Trainable):
    """The training of a network's conditioning alone, on random choices of what is given."""

    columns: Tensor

    def __init__(self, network: Conditional, columns: Tensor) -> None:
        """Take a network, and each sub-column's table column, ``(n_sub_columns,)``: its parts are given together."""
        super().__init__()
        self.network, self.n_context, self.rows_at_once = network, network.n_context, network.rows_at_once
        self.register_buffer("columns", columns)
        self.n_columns = int(columns.max()) + 1
        kept = set(network.conditioning.parameters())
        for parameter in network.parameters():
            parameter.requires_grad_(parameter in kept)

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        """Give the conditioning's parameters; all others stay as they are."""
        return {"conditioning": list(self.network.conditioning.parameters())}

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:  # noqa: ARG002 — there is one part
        """Give the mean negative log-likelihood of what is not given, ``()``, for a gradient step."""
        return self._nats(codes, noise).mean()

    @torch.no_grad()
    def nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        """Give each row's negative log-likelihood of what is not given, ``(n_rows,)``."""
        return self._nats(codes, noise)

    def _nats(self, codes: Tensor, noise: torch.Generator) -> Tensor:
        is_given = self.choose(len(codes), noise)
        return (self.network.conditional_nats(codes, is_given) * ~is_given).sum(1)

    def choose(self, n_rows: int, noise: torch.Generator) -> Tensor:
        """Choose what is given, ``(n_rows, n_sub_columns)``: the context, and of the others any number, at random."""
        device = self.columns.device
        share = torch.rand(n_rows, 1, generator=noise, device=device)
        chosen = torch.rand(n_rows, self.n_columns, generator=noise, device=device) < share
        is_given = chosen[:, self.columns]
        is_given[:, : self.n_context] = True
        return is_given
