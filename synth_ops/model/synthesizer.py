"""What every family of models can do, and the two that can."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from synth_ops.encode.layout import Layout
from synth_ops.errors import CorruptArtifact, PlanError
from synth_ops.joints import MIN_ROWS
from synth_ops.model.config import NetworkConfig, TrainingConfig
from synth_ops.model.family import CodeNetwork
from synth_ops.model.gan import GAN
from synth_ops.model.marginals import count_codes
from synth_ops.model.order import reading_order, reordered
from synth_ops.model.training import Tick, Trained, train
from synth_ops.model.vae import VAE
from synth_ops.model.warm import CodeMaps, Course, carry_over, grown, plot_course
from synth_ops.seeds import seed_of
from synth_ops.workspace import staged, write_text

Codes: TypeAlias = NDArray[np.int32]
CACHED_ROWS = 2048
"""Rows that a CPU samples at once: what is known of them stays in its cache."""


@dataclass(frozen=True)
class Given:
    """Codes that rows must have; the others are drawn from what they then are, without rejection."""

    codes: Codes
    """``(n_rows, n_sub_columns)``; what is not given is ignored."""
    is_given: NDArray[np.bool_]
    """The same shape."""
    never_null: bool = False
    """Whether what is drawn must not be null, as where missing values are to be filled."""


class Synthesizer(Protocol):
    """A trained model of one table's code matrix."""

    layout: Layout
    n_context: int

    def sample(self, n_rows: int, *, context: Codes | None, seed: int, given: "Given | None" = None) -> Codes:
        """Draw rows, given the codes of the first `n_context` sub-columns, and any others.

        Rows come in chunks, each from a seed of its own: the first rows are the same however many follow.

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

    def sample(self, n_rows: int, *, context: Codes | None, seed: int, given: Given | None = None) -> Codes:  # noqa: ARG002 — of the protocol
        codes = np.zeros((n_rows, len(self.layout.sizes)), dtype=np.int32)
        if given is not None:
            codes = np.where(given.is_given, given.codes, codes)
        if context is not None:
            codes[:, : self.n_context] = context
        return codes

    def log_likelihood(self, codes: Codes, *, seed: int) -> NDArray[np.float64]:  # noqa: ARG002 — of the protocol
        return np.zeros(len(codes))

    def save(self, folder: Path) -> None:
        _save(folder, {"family": self.family, "n_context": self.n_context, "layout": self.layout.model_dump()}, {})


class Neural:
    """A network over codes, which it reads in an order of its own."""

    def __init__(
        self,
        family: str,
        network: CodeNetwork,
        layout: Layout,
        n_context: int,
        config: NetworkConfig,
        order: Sequence[int],
    ) -> None:
        self.family, self.network, self.layout = family, network, layout
        self.n_context, self.config = n_context, config
        self.order = np.array(order, dtype=np.int64)
        """Positions of the sub-columns in reading order."""

    def sample(self, n_rows: int, *, context: Codes | None, seed: int, given: Given | None = None) -> Codes:
        sampled = np.zeros((n_rows, len(self.order)), np.int32)
        known = np.zeros((n_rows, len(self.order)), np.bool_)
        if given is not None:
            sampled, known = np.where(given.is_given, given.codes, 0), given.is_given.copy()
        if context is not None:
            sampled[:, : self.n_context], known[:, : self.n_context] = context, True
        device = self.network.counts.device
        size = self.network.rows_at_once if device.type == "cuda" else min(self.network.rows_at_once, CACHED_ROWS)
        for chunk, start in enumerate(range(0, n_rows, size)):
            rows = slice(start, start + size)
            noise = torch.Generator(device).manual_seed(seed_of(str(seed), str(chunk)))
            codes = torch.from_numpy(sampled[rows][:, self.order].astype(np.int64)).to(device)
            is_given = None if given is None else torch.from_numpy(known[rows][:, self.order]).to(device)
            never_null = given is not None and given.never_null
            filled = self.network.sample(codes, noise, is_given=is_given, never_null=never_null)
            sampled[rows, self.order] = filled.cpu().numpy()
        return sampled

    def log_likelihood(self, codes: Codes, *, seed: int) -> NDArray[np.float64]:
        device = self.network.counts.device
        noise = torch.Generator(device).manual_seed(seed)
        rows = torch.from_numpy(codes[:, self.order].astype(np.int64)).to(device)
        nats = [self.network.nats(piece, noise) for piece in rows.split(self.network.rows_at_once)]
        return -torch.cat(nats).double().cpu().numpy() if nats else np.zeros(0)

    def save(self, folder: Path) -> None:
        facts = {"family": self.family, "n_context": self.n_context, "network": self.config.model_dump()}
        facts["order"] = self.order.tolist()
        weights = {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        _save(folder, facts | {"layout": self.layout.model_dump()}, weights)


Build = Callable[[Layout, Tensor, int, NetworkConfig], CodeNetwork]
FAMILIES: Mapping[str, Build] = {"vae": VAE, "gan": GAN}
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
    codes_before: CodeMaps | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[Tick], None] = lambda _tick: None,
    began: float | None = None,
) -> tuple[Synthesizer, Trained]:
    """Train a model of the rows, from nothing or from what still holds of a model before it.

    **Shape**

    - codes: ``(n_rows, n_sub_columns)``, the context's first, in any type of integer

    Args:
        family: a word of `FAMILIES`.
        codes: as above.
        layout: what the sub-columns mean.
        n_context: leading sub-columns that are always given.
        config: how long, how fast, from which seed.
        device: ``auto``, ``cpu``, ``cuda``.
        start_from: the model before.
        codes_before: by (column, part), which code of that model each code was; None where the codec is the same.
        checkpoint: a folder for the state of an unfinished training.
        watch: called after each validation.
        began: `time.monotonic()` when the work began that a time budget pays for; now by default.

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
    before = start_from if isinstance(start_from, Neural) and start_from.family == family else None
    begun = _begin(family, codes, layout, n_context, config, before=before, codes_before=codes_before)
    read, rows = reordered(layout, begun.order), torch.from_numpy(codes[:, begun.order])
    network = begun.network.to(pick_device(device))
    synthesizer = Neural(family, network, layout, n_context, begun.config, begun.order)
    if len(rows) < MIN_ROWS:
        network.forget_joints()
        return synthesizer, Trained(0, 0, 0.0, "converged", 0.0)
    rows = rows.to(pick_device(device))
    began = time.monotonic() if began is None else began
    ended = train(network, rows, _shortened(config), checkpoint=checkpoint, watch=watch, began=began)
    follows = network.to_follow(read, _remaining(config, ended, began))
    if follows is not None:
        second, course = follows
        train(second, rows, course, checkpoint=checkpoint / "then" if checkpoint else None)
    return synthesizer, ended


def _remaining(config: TrainingConfig, ended: Trained, began: float) -> TrainingConfig:
    """Give a second training's course the visits that the first one took, and what is left of the time."""
    visits = max((point.n_visits for point in ended.losses), default=1)
    budget = config.time_budget_seconds
    left = None if budget is None else max(0.0, budget - (time.monotonic() - began))
    return config.model_copy(update={"max_row_visits": max(1, visits), "time_budget_seconds": left})


class _Begun(NamedTuple):
    """A network before its training."""

    network: CodeNetwork
    order: tuple[int, ...]
    config: NetworkConfig


def _begin(  # noqa: PLR0913 — what is learned, and what was before
    family: str,
    codes: NDArray[np.integer[Any]],
    layout: Layout,
    n_context: int,
    config: TrainingConfig,
    *,
    before: Neural | None,
    codes_before: CodeMaps | None,
) -> _Begun:
    """Build a network, with what it can take over of the one before."""
    if before is not None and codes_before is None and (before.layout, before.n_context) == (layout, n_context):
        order = tuple(before.order.tolist())
        counts, read = before.network.counts.cpu(), reordered(layout, order)
        network = FAMILIES[family](read, counts, n_context, before.config)
        network.load_state_dict(before.network.state_dict())
        return _Begun(network, order, before.config)
    course = _course(before, layout, n_context)
    order = reading_order(layout, n_context) if course is None else course.order
    sizes = config.network.of_rows(len(codes)) if course is None or before is None else grown(before.config, course)
    rows, read = torch.from_numpy(codes[:, order]), reordered(layout, order)
    with torch.random.fork_rng(devices=[]):  # torch draws initial weights from its global generator only
        torch.manual_seed(config.seed)
        network = FAMILIES[family](read, count_codes(rows, read), n_context, sizes)
    network.start(rows)
    if course is not None and before is not None and isinstance(before.network, VAE) and isinstance(network, VAE):
        carry_over(before.network.cpu(), network, course, read.sub_columns, codes_before or {})
    return _Begun(network, order, sizes)


def _course(before: Neural | None, layout: Layout, n_context: int) -> Course | None:
    if before is None or not isinstance(before.network, VAE):
        return None
    was = [before.layout.sub_columns[i] for i in before.order]
    return plot_course(was, before.network.decoder.degrees.tolist(), before.n_context, layout, n_context)


def carries_over(before: Synthesizer, family: str, layout: Layout, n_context: int) -> bool:
    """Tell whether `fit_synthesizer` can go on from a model for new columns and codes, or would begin anew."""
    if not isinstance(before, Neural) or before.family != family:
        return False
    return _course(before, layout, n_context) is not None


def _shortened(config: TrainingConfig) -> TrainingConfig:
    """Leave the second training its share of a time budget."""
    if config.time_budget_seconds is None:
        return config
    return config.model_copy(update={"time_budget_seconds": config.time_budget_seconds / (1 + config.conditioning)})


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
        order = tuple(facts["order"])
        read = reordered(layout, order)
        weights = load_file(folder / "model.safetensors")
        network = FAMILIES[facts["family"]](read, weights["counts"], facts["n_context"], config)
        network.load_state_dict(weights)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise CorruptArtifact(
            f"The model in {folder} must be whole, however it cannot be read ({type(error).__name__})."
            " Delete the folder and run again: the table will be trained anew."
        ) from None
    return Neural(facts["family"], network.to(pick_device(device)), layout, facts["n_context"], config, order)


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
