"""Every knob of a model and its training, with its unit."""

from pydantic import Field

from synth_ops.records import Record

_MOST_DROPOUT = 0.1
_ROWS_DROPPED = 2_000


class NetworkConfig(Record):
    """The shape of a network; size is the only difference between a laptop's and a GPU's."""

    d_embedding: int = Field(default=12, ge=1)
    """Numbers a code becomes."""
    own_days: bool = True
    """Whether a day that many rows fall on is told from its neighbours by more than its place among them."""
    d_hidden: int = Field(default=384, ge=8)
    """Hidden units of the decoder, shared among the sub-columns."""
    n_blocks: int = Field(default=2, ge=0)
    """Residual blocks of the decoder."""
    d_latent: int = Field(default=0, ge=0)
    """Numbers of the latent; 0 for none."""
    d_conditioning: int = Field(default=256, ge=1)
    """Hidden units of what takes up given sub-columns."""
    d_recognition: int = Field(default=128, ge=1)
    """Hidden units of the encoder."""
    degrees: tuple[int, ...] | None = None
    """The last sub-column, in reading order, that each hidden unit may see, ascending; None for even shares."""
    dropout: float | None = Field(default=None, ge=0, lt=1)
    """Share of hidden units that a training step leaves out; None for less of them, the more rows there are."""

    def of_rows(self, n_rows: int) -> "NetworkConfig":
        """Settle what depends on the rows: few are soon known by heart, many need no dropout that slows learning.

        >>> NetworkConfig().of_rows(10_000).dropout, NetworkConfig().of_rows(100_000).dropout
        (0.1, 0.02)
        """
        share = min(_MOST_DROPOUT, _ROWS_DROPPED / max(1, n_rows)) if self.dropout is None else self.dropout
        return self.model_copy(update={"dropout": round(share, 4)})


_NO_LIMIT = 10**12


class TrainingConfig(Record):
    """How long and how fast a model learns. Everything but the time budget is counted in rows, never in seconds."""

    n_epochs: int = Field(default=100, ge=1)
    """Passes over the training rows at most."""
    max_row_visits: int = Field(default=1_500_000, ge=1)
    """Row visits at most: large tables see fewer epochs."""
    batch_size: int = Field(default=512, ge=1)
    """Rows per optimizer step; small tables use less."""
    gpu_batch_size: int = Field(default=4096, ge=1)
    """The same on a GPU, which has little to do with fewer."""
    learning_rate: float = Field(default=5e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    ema: float = Field(default=0.995, ge=0, lt=1)
    """Weight of the past in the averaged weights that are kept."""
    validation: float = Field(default=0.05, gt=0, lt=0.5)
    """Share of the training rows that decides when to stop."""
    patience: int = Field(default=5, ge=1)
    """Validations without progress before training stops."""
    kl_weight: float = Field(default=1.0, ge=0)
    conditioning: float = Field(default=0.1, ge=0)
    """Row visits spent on learning to be told any sub-columns, in those of the training before; 0 for not at all."""
    compile: bool = False
    """Whether `torch.compile` makes kernels of the network's parts first: for long runs, a minute is spent on it."""
    time_budget_seconds: float | None = None
    """Wall seconds at most, encoding included; what it stops is not reproducible on a machine of another speed."""
    checkpoint_seconds: float = 15.0
    """Wall seconds between checkpoints."""
    seed: int = 0
    network: NetworkConfig = NetworkConfig()

    def within(self, seconds: float | None) -> "TrainingConfig":
        """Learn for as long as there are gains and wall seconds; None leaves the rows to set the length."""
        if seconds is None:
            return self
        return self.model_copy(
            update={"time_budget_seconds": seconds, "n_epochs": _NO_LIMIT, "max_row_visits": _NO_LIMIT}
        )


class PrivateConfig(Record):
    """How a model learns under a privacy budget; how often, and with how much noise, is what was paid for."""

    clip: float = Field(default=1.0, gt=0)
    """Length of a row's gradient at most."""
    learning_rate: float = Field(default=1e-2, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    betas: tuple[float, float] = (0.9, 0.99)
    """Weights of the past in the optimizer's means of gradients and of their squares."""
    ema: float = Field(default=0.99, ge=0, lt=1)
    """Weight of the past in the averaged weights that are kept."""
    most_rows: int = Field(default=4096, ge=1)
    """Rows of a step at most, as expected: of larger tables a smaller share is taken than is paid for."""
    rows_at_once: int = Field(default=1024, ge=1)
    """Rows whose gradients are computed together."""
    time_budget_seconds: float | None = None
    """Wall seconds at most; steps that are not taken are paid for all the same."""
    checkpoint_seconds: float = 15.0
    """Wall seconds between checkpoints."""
    tell_seconds: float = 1.0
    """Wall seconds between what is told of progress."""
    network: NetworkConfig = NetworkConfig(
        d_embedding=8, d_hidden=128, n_blocks=1, d_conditioning=1, dropout=0.0, own_days=False
    )
    """Smaller than elsewhere, for each weight takes noise."""
