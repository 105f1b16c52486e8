"""What every family of models can do, and the two that can."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from synth_ops.encode.layout import Layout
from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.marginals import count_codes
from synth_ops.model.order import reading_order, reordered
from synth_ops.model.training import Tick, Trained, train
from synth_ops.model.vae import VAE
from synth_ops.workspace import staged, write_text

Codes: TypeAlias = NDArray[np.int32]
CHUNK = 16_384
"""Rows sampled at once: large enough to keep a core busy, small enough to stay in cache."""


class Synthesizer(Protocol):
    """A trained model of one table's code matrix."""

    layout: Layout
    n_context: int

    def sample(self, n_rows: int, *, context: Codes | None, seed: int) -> Codes:
        """Draw rows, given the codes of the first `n_context` sub-columns.

        **Shape**

        - context: ``(n_rows, n_context)``, or None where `n_context` is 0
        - result: ``(n_rows, n_sub_columns)``
        """
        ...

    def log_likelihood(self, codes: Codes, *, seed: int) -> NDArray[np.float64]:
        """Give a lower bound of each row's log-likelihood in nats, ``(n_rows,)``."""
        ...

    def save(self, folder: Path) -> None:
        """Leave ``model.json`` and ``model.safetensors`` in the folder."""
        ...


class Constant:
    """The model of a table in which there is nothing to learn: no rows, or no learned column."""

    family = "constant"

    def __init__(self, layout: Layout, n_context: int) -> None:
        self.layout, self.n_context = layout, n_context

    def sample(self, n_rows: int, *, context: Codes | None, seed: int) -> Codes:  # noqa: ARG002 — of the protocol
        codes = np.zeros((n_rows, len(self.layout.sizes)), dtype=np.int32)
        if context is not None:
            codes[:, : self.n_context] = context
        return codes

    def log_likelihood(self, codes: Codes, *, seed: int) -> NDArray[np.float64]:  # noqa: ARG002 — of the protocol
        return np.zeros(len(codes))

    def save(self, folder: Path) -> None:
        _save(folder, {"family": self.family, "n_context": self.n_context, "layout": self.layout.model_dump()}, {})


class Neural:
    """A network over codes, which it reads in an order of its own."""

    def __init__(self, family: str, network: VAE, layout: Layout, n_context: int, config: NetworkConfig) -> None:
        self.family, self.network, self.layout = family, network, layout
        self.n_context, self.config = n_context, config
        self.order = np.array(reading_order(layout, n_context))

    def sample(self, n_rows: int, *, context: Codes | None, seed: int) -> Codes:
        device = self.network.counts.device
        noise = torch.Generator(device).manual_seed(seed)
        pieces = [np.zeros((0, len(self.layout.sizes)), dtype=np.int32)]
        for start in range(0, n_rows, CHUNK):
            stop = min(start + CHUNK, n_rows)
            given = None if context is None else torch.from_numpy(context[start:stop].astype(np.int64)).to(device)
            pieces.append(self.network.sample(stop - start, given, noise).cpu().numpy().astype(np.int32))
        return np.ascontiguousarray(np.concatenate(pieces)[:, np.argsort(self.order)])

    def log_likelihood(self, codes: Codes, *, seed: int) -> NDArray[np.float64]:
        device = self.network.counts.device
        noise = torch.Generator(device).manual_seed(seed)
        rows = torch.from_numpy(codes[:, self.order].astype(np.int64)).to(device)
        nats = [self.network.nats(piece, noise) for piece in rows.split(CHUNK)]
        return -torch.cat(nats).double().cpu().numpy() if nats else np.zeros(0)

    def save(self, folder: Path) -> None:
        facts = {"family": self.family, "n_context": self.n_context, "network": self.config.model_dump()}
        weights = {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        _save(folder, facts | {"layout": self.layout.model_dump()}, weights)


Build = Callable[[Layout, Tensor, int, NetworkConfig], VAE]
FAMILIES: Mapping[str, Build] = {"vae": VAE}
"""Families that can be trained, by the word that a plan uses."""


def fit_synthesizer(  # noqa: PLR0913 — what is learned is positional, how is by keyword
    family: str,
    codes: NDArray[np.integer[Any]],
    layout: Layout,
    n_context: int,
    config: TrainingConfig,
    *,
    device: str = "auto",
    start_from: Synthesizer | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[Tick], None] = lambda _tick: None,
    began: float | None = None,
) -> tuple[Synthesizer, Trained]:
    """Train a model of the rows, from nothing or from the weights of a model with the same layout.

    **Shape**

    - codes: ``(n_rows, n_sub_columns)``, the context's first, in any type of integer

    `began` is `time.monotonic()` when the work began that a time budget pays for; now by default.

    Raises:
        PlanError: the family is unknown.
        WorkerFailed: the training diverged.
    """
    if family not in FAMILIES:
        raise PlanError(
            f"A model must be one of {sorted(FAMILIES)}, however: {family!r}. Change `model:` in synth.yaml."
        )
    if len(codes) == 0 or len(layout.sizes) == n_context:
        return Constant(layout, n_context), Trained(0, 0, 0.0, "converged", 0.0)
    order = reading_order(layout, n_context)
    rows, read = torch.from_numpy(codes[:, order]), reordered(layout, order)
    with torch.random.fork_rng(devices=[]):  # torch draws initial weights from its global generator only
        torch.manual_seed(config.seed)
        network = FAMILIES[family](read, count_codes(rows, read), n_context, config.network)
    network.start(rows)
    if isinstance(start_from, Neural):
        network.load_state_dict(start_from.network.state_dict())
    synthesizer = Neural(family, network.to(pick_device(device)), layout, n_context, config.network)
    if len(rows) < MIN_ROWS:
        network.forget_joints()
        return synthesizer, Trained(0, 0, 0.0, "converged", 0.0)
    rows = rows.to(pick_device(device))
    return synthesizer, train(network, rows, config, checkpoint=checkpoint, watch=watch, began=began)


MIN_ROWS = 100
"""Rows below which only each column alone is kept: fewer cannot show a joint without giving away whose it is."""


def load_synthesizer(folder: Path, *, device: str = "cpu") -> Synthesizer:
    """Load the model that a folder holds.

    Raises:
        CorruptArtifact: a file is missing, truncated or does not fit the other.
    """
    try:
        facts = json.loads((folder / "model.json").read_text())
        layout = Layout.model_validate(facts["layout"])
        if facts["family"] == Constant.family:
            return Constant(layout, facts["n_context"])
        config = NetworkConfig.model_validate(facts["network"])
        read = reordered(layout, reading_order(layout, facts["n_context"]))
        weights = load_file(folder / "model.safetensors")
        network = FAMILIES[facts["family"]](read, weights["counts"], facts["n_context"], config)
        network.load_state_dict(weights)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise CorruptArtifact(
            f"The model in {folder} must be whole, however it cannot be read ({type(error).__name__})."
            " Delete the folder and run again: the table will be trained anew."
        ) from None
    return Neural(facts["family"], network.to(pick_device(device)), layout, facts["n_context"], config)


def pick_device(device: str) -> torch.device:
    """Give the device that a word names; ``auto`` is a GPU where there is one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def _save(folder: Path, facts: Mapping[str, object], weights: dict[str, Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with staged(folder / "model.safetensors") as part:
        save_file(weights, part)
    write_text(folder / "model.json", json.dumps(facts, indent=1, sort_keys=True))
